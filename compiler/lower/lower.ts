/** Checked model -> graph: repeats unrolled, parameters replaced by their values, calls in the place of their callees. */
import type { Graph, Node } from '../graph/node.ts'
import type { Model } from '../model/model.ts'
import { createBuilder } from '../ops/build.ts'
import type { Environment } from './environment.ts'
import { lowerSteps, lowerTerm } from './terms.ts'

/** What a policy does only when training is left out; the graph is that of inference. */
export function lower(model: Model): Graph {
  const environment: Environment = {
    model, builder: createBuilder(), parent: null, values: model.values, nodes: new Map(), loops: new Map(), moe: null, expertOfRow: null,
  }
  const inputs = model.inputs.map((input) => lowerTerm(environment, input) as Node<'input'> & { readonly op: 'input' })
  lowerSteps(environment, model.steps)
  const outputs = model.outputs.map(({ name, term, doc }) => ({ name, doc, node: lowerTerm(environment, term) }))
  const docs = Object.fromEntries([...model.inputs, ...model.outputs].flatMap(({ name, doc }) => (doc === '' ? [] : [[name, doc]])))
  return { name: model.name, doc: model.doc, dims: model.dims, inputs, outputs, docs }
}
