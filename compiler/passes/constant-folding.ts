/** Works out in f64 what depends on constants alone. */
import { constantValue } from '../../plan/dim.ts'
import type { Graph, Node } from '../graph/node.ts'
import { recordOf } from '../ops/records.ts'
import type { OpRecord, Surroundings } from '../ops/record.ts'
import { elements, EvaluationError, type HostTensor } from '../ops/tensor.ts'
import { rebuild, type Make } from './rewrite.ts'
import { filled } from './rules/match.ts'

/** Larger results are rather computed where they are read. */
export const MOST_ELEMENTS = 65536

/** What is known of a node's values before any run. */
interface Known {
  readonly value: HostTensor
  /** Counted, compared and moved about without rounding: an index computes it cheaper than a load brings it. */
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

/** A plan is JSON, which has no number that is not finite; kernels work such values out. */
const isWritable = ({ values }: HostTensor): boolean => values.length > 0 && values.every(Number.isFinite)

function written(node: Node, inputs: readonly Node[], { shape, dtype, values }: HostTensor, make: Make): Node {
  if (values.every((value) => Object.is(value, values[0]))) return filled(make, values[0], dtype, node.shape)
  // what repeats is repeated where it is read
  if (node.op === 'broadcast') return make(node.op, inputs, node.params)
  return make('constant', [], { dtype, shape, values: [...values] })
}

/** Results of constants become constants; a tensor of one value becomes `broadcast` of a scalar. */
export function foldConstants(graph: Graph): Graph {
  const known = new Map<Node, Known | undefined>()
  return rebuild(graph, (node, inputs, make) => {
    const here = knownOf(
      node,
      node.inputs.map((input) => known.get(input)),
    )
    known.set(node, here)
    return here === undefined || here.counted || !isWritable(here.value)
      ? make(node.op, inputs, node.params as never)
      : written(node, inputs, here.value, make)
  })
}
