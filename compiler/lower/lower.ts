/** Checked model -> graph: repeats unrolled, parameters replaced by their values, calls in the place of their callees. */
import type { Graph, Node, RoutePorts } from '../graph/node.ts'
import type { Model } from '../model/model.ts'
import { createBuilder } from '../ops/build.ts'
import type { Environment, RouteNodes } from './environment.ts'
import { routeNames } from './replay.ts'
import { lowerSteps, lowerTerm } from './terms.ts'

export interface LowerOptions {
  /**
   * Adds what every moe decided to the outputs: `layers.0/moe.selected`, i32 [T, K], and `layers.0/moe.weights`, f32 [T, K]; with
   * `overflow shared` also `layers.0/moe.spilled`, f32 [T]. `required`: only where a requirement is checked on what was decided.
   * `replayed`: they are inputs, and used in the place of what the policies choose.
   */
  readonly routes?: boolean | 'required' | 'replayed'
  /** With `routes`: also what every moe routes, `layers.0/moe.rows`, f32 [T, D]. */
  readonly rows?: boolean
  /** Policies do what they say `when training`, and each loss is an output: `loss.layers.0.moe.router.balance`, f32 []. */
  readonly training?: boolean
}

/** The output that holds what a moe routes, by its instance. */
export const rowsOutput = (instance: string): string => `${instance}.rows`

/** The graph of inference, or of the way forward in training. Throws nothing on a model that was checked. */
export function lower(model: Model, { routes = false, rows = false, training = false }: LowerOptions = {}): Graph {
  const environment: Environment = {
    walk: { term: lowerTerm, steps: lowerSteps }, model, builder: createBuilder(), parent: null, values: model.values, nodes: new Map(), loops: new Map(), moe: null, expertOfRow: null,
    routes: [], replayed: routes === 'replayed' ? [] : null, training, losses: [], everyone: new Map(),
  }
  const inputs = model.inputs.map((input) => lowerTerm(environment, input) as Node<'input'> & { readonly op: 'input' })
  lowerSteps(environment, model.steps)
  const named = model.outputs.map(({ name, term, doc }) => ({ name, doc, node: lowerTerm(environment, term) }))
  const outputs = [...named, ...environment.losses]
  const docs = Object.fromEntries([...model.inputs, ...model.outputs].flatMap(({ name, doc }) => (doc === '' ? [] : [[name, doc]])))
  const plain: Graph = { name: model.name, doc: model.doc, dims: model.dims, inputs, outputs, docs }
  if (environment.replayed !== null) return { ...plain, inputs: [...inputs, ...environment.replayed], replayed: environment.routes.map(routePorts) }
  const told = environment.routes.filter(({ promises }) => routes === true || (routes === 'required' && promises.within !== null))
  if (told.length === 0 && routes !== true) return plain
  const added = told.flatMap((route) => [...routeOutputs(route), ...(rows ? [rowOutput(route)] : [])])
  return { ...plain, outputs: [...outputs, ...added], routes: told.map(routePorts) }
}

const rowOutput = ({ instance, rows }: RouteNodes): Graph['outputs'][number] => ({ name: rowsOutput(instance), doc: 'What is routed, a token in each row.', node: rows })

const routePorts = ({ instance, experts, spilled, promises }: RouteNodes): RoutePorts =>
  ({ layer: instance, experts, ...routeNames(instance, spilled !== null), promises })

function routeOutputs(route: RouteNodes): Graph['outputs'] {
  const { selected, weights, spilled } = routePorts(route)
  return [
    { name: selected, doc: 'The experts that each token chose, best first.', node: route.selected },
    { name: weights, doc: "What each chosen expert's answer counts.", node: route.weights },
    ...(spilled === null || route.spilled === null ? [] : [{ name: spilled, doc: 'The weight that went to the shared experts.', node: route.spilled }]),
  ]
}
