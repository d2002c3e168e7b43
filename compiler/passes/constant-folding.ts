/** Constant folding: evaluates in f64 what depends on constants alone. */
import { constantValue } from '../../plan/dim.ts'
import type { Graph, Node } from '../graph/node.ts'
import { recordOf } from '../ops/records.ts'
import type { OpRecord, Surroundings } from '../ops/record.ts'
import { elements, EvaluationError, type HostTensor } from '../ops/tensor.ts'
import type { Maker } from '../ops/maker.ts'
import { rebuild } from '../ops/rebuild.ts'
import { ignore, type Fired } from './rewrite.ts'

/** A larger result is computed where it is read. */
export const MOST_ELEMENTS = 65536

/** What is known of the values of a node at compile time. */
interface Known {
  readonly value: HostTensor
  /** An exact function of an index: computing it costs less than a load. */
  readonly counted: boolean
}

const refuse = ({ name }: { readonly name: string }): never => {
  throw new EvaluationError(`${name} is not known before a run`)
}
const NOTHING: Surroundings = { dims: {}, input: refuse, weight: refuse }

function isSmall(node: Node): boolean {
  const sizes = node.shape.map(constantValue)
  return sizes.every((size) => size !== undefined) && elements(sizes) <= MOST_ELEMENTS
}

function evaluated(node: Node, operands: readonly HostTensor[]): HostTensor | undefined {
  const record = recordOf(node.op) as OpRecord<never>
  try {
    return record.evaluate(operands, node.params as never, NOTHING)
  } catch (error) {
    // an input, a weight, an id out of range: a matter of the run
    if (error instanceof EvaluationError) return undefined
    throw error
  }
}

function knownOf(node: Node, operands: readonly (Known | undefined)[]): Known | undefined {
  const known = operands.filter((operand) => operand !== undefined)
  if (known.length < operands.length || !isSmall(node)) return undefined
  const value = evaluated(
    node,
    known.map((operand) => operand.value),
  )
  const isExact = recordOf(node.op).accuracy.kind === 'exact'
  return value && { value, counted: node.op === 'iota' || (isExact && known.some((operand) => operand.counted)) }
}

/** A plan is JSON, which has finite numbers only; kernels compute other values. */
const isWritable = ({ values }: HostTensor): boolean => values.length > 0 && values.every(Number.isFinite)

function written(node: Node, inputs: readonly Node[], { shape, dtype, values }: HostTensor, make: Maker): Node {
  if (values.every((value) => Object.is(value, values[0]))) return make.filled(node.shape, dtype, values[0])
  // a broadcast is computed where it is read
  if (node.op === 'broadcast') return make(node.op, inputs, node.params)
  return make('constant', [], { dtype, shape, values: [...values] })
}

/** Results of constants become constants; a tensor of one value becomes `broadcast` of a scalar. */
export function foldConstants(graph: Graph, fired: Fired = ignore): Graph {
  const known = new Map<Node, Known | undefined>()
  return rebuild(graph, (node, inputs, make) => {
    const here = knownOf(
      node,
      node.inputs.map((input) => known.get(input)),
    )
    known.set(node, here)
    if (here === undefined || here.counted || !isWritable(here.value)) return make(node.op, inputs, node.params as never)
    if (node.op !== 'constant' && node.op !== 'broadcast') fired('fold-constants')
    return written(node, inputs, here.value, make)
  })
}
