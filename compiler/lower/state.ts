/**
 * What a model keeps of the earlier tokens of each sequence, where runs continue what others began: caches of rows by position,
 * and the last rows before the next ones. Both are variables that the run replaces.
 */
import { constantValue, dim, multiply, type Dim } from '../../plan/dim.ts'
import { outputName, variableName, type VariableRole } from '../../plan/output-role.ts'
import type { PlanState } from '../../plan/plan.ts'
import { NEW_TOKENS, PAST_TOKENS } from '../../plan/state-inputs.ts'
import type { Node, Origin, Output } from '../graph/node.ts'
import type { Builder } from '../ops/build.ts'
import { makerAt, type Maker } from '../ops/maker.ts'

export interface StateOptions {
  /** How many sequences a run continues side by side. */
  readonly sequences: number
  /** How many positions of each are kept at most; the model was checked with as many. */
  readonly longest: number
}

type InputNode = Node<'input'> & { readonly op: 'input' }

export interface State extends StateOptions {
  /** The inputs that something has asked for, by name. */
  readonly inputs: Map<string, InputNode>
  /** The next values of the variables. */
  readonly outputs: Output[]
  /** How often each instance keeps something. */
  readonly calls: Map<string, number>
}

export const newState = (options: StateOptions): State => ({ ...options, inputs: new Map(), outputs: [], calls: new Map() })

export const stateInputs = (state: State | null): readonly InputNode[] => [...(state?.inputs.values() ?? [])]
export const stateOutputs = (state: State | null): readonly Output[] => state?.outputs ?? []

/** Null where nothing is kept. */
export const stateFacts = ({ inputs, outputs, sequences, longest }: State): PlanState | null =>
  outputs.length === 0 ? null : { sequences, longest, rewinds: !inputs.has(NEW_TOKENS) }

/** i32 [sequences]: see `PAST_TOKENS` and `NEW_TOKENS`. */
function lengths(make: Maker, { inputs, sequences }: State, name: string): Node {
  const known = inputs.get(name)
  if (known !== undefined) return known
  const node = make('input', [], { name, dtype: 'i32', shape: [dim(sequences)] }) as InputNode
  inputs.set(name, node)
  return node
}

/** The role of what the next call at an instance keeps. */
function nextRole({ calls }: State, { instance }: Origin): VariableRole {
  const count = calls.get(instance) ?? 0
  calls.set(instance, count + 1)
  return { kind: 'cache', of: `${instance}.${count}` }
}

function replace(state: State, role: VariableRole, node: Node): void {
  state.outputs.push({ name: outputName(role), role, replaces: variableName(role), node, doc: '' })
}

/** x [B, S, ...] at its positions in the cache of its sequences, with the earlier ones: [B, longest, ...]. */
export function cachedRows(builder: Builder, state: State, x: Node, origin: Origin): Node {
  const make = makerAt(builder, origin)
  const role = nextRole(state, origin)
  const [sequences, , ...rest] = x.shape
  const cache = make('variable', [], { role, shape: [sequences, dim(state.longest), ...rest] })
  const filled = make('append', [cache, x, lengths(make, state, PAST_TOKENS)], {})
  replace(state, role, filled)
  return filled
}

/** i32 [B, S]. */
export function positionsOf(builder: Builder, state: State | null, x: Node, origin: Origin): Node {
  const make = makerAt(builder, origin)
  const [sequences, size] = x.shape
  const shape = [sequences, size]
  const places = make.broadcast(make('iota', [], { size }), shape, [1])
  return state === null ? places : make.add(make.broadcast(lengths(make, state, PAST_TOKENS), shape, [0]), places)
}

/** x [B, S, ...] behind the `count` rows before it, [B, count + S, ...]: zeros before the first. */
export function withPreviousRows(builder: Builder, state: State | null, x: Node, count: Dim, origin: Origin): Node {
  if (constantValue(count) === 0) return x
  const make = makerAt(builder, origin)
  const [sequences, , ...rest] = x.shape
  const shape = [sequences, count, ...rest]
  if (state === null) return make('concat', [make.filled(shape, 'f32', 0), x], { axis: 1 })
  const role = nextRole(state, origin)
  const all = make('concat', [rowsBefore(make, state, make('variable', [], { role, shape })), x], { axis: 1 })
  replace(state, role, lastRows(make, state, all, count))
  return all
}

/** Kept rows [B, count, ...], zeros in the place of those that lie before the sequence: it may have begun anew. */
function rowsBefore(make: Maker, state: State, kept: Node): Node {
  const [sequences, count] = kept.shape
  const shape = [sequences, count]
  const across = (node: Node, axis: number): Node => make.broadcast(node, shape, [axis])
  const places = make.add(across(lengths(make, state, PAST_TOKENS), 0), across(make('iota', [], { size: count }), 1))
  const isOfSequence = make('less_equal', [make.filled(shape, 'i32', constantValue(count)!), places], {})
  return make.where(make.broadcast(isOfSequence, kept.shape, [0, 1]), kept)
}

/** The `count` rows of x [B, count + S, ...] that end behind the new rows of each sequence. */
function lastRows(make: Maker, state: State, x: Node, count: Dim): Node {
  const [sequences, size, ...rest] = x.shape
  const shape = [sequences, count]
  const across = (node: Node, axis: number): Node => make.broadcast(node, shape, [axis])
  const first = make.multiply(make('iota', [], { size: sequences }), make.broadcast(sizeOf(make, size), [sequences], []))
  const begins = make.add(first, lengths(make, state, NEW_TOKENS))
  const rows = make.add(across(begins, 0), across(make('iota', [], { size: count }), 1))
  return make('take', [make.reshape(x, [multiply(sequences, size), ...rest]), rows], {})
}

/** A size that may be open, as a number. */
function sizeOf(make: Maker, size: Dim): Node {
  const known = constantValue(size)
  if (known !== undefined) return make.scalar(known, 'i32')
  return make('sum', [make.filled([size], 'i32', 1)], { axis: 0 })
}
