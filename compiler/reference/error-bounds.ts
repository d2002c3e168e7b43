/**
 * Running error analysis of a graph: beside each value a bound of what rounding may have changed it by, from the accuracies that
 * ops declare. The bound is infinite where the value is undetermined: it follows from a decision (a comparison, a top-k) between
 * values that are closer together than their errors.
 */
import type { Node } from '../graph/node.ts'
import type { OpName } from '../graph/vocabulary.ts'
import { contractAxes } from '../ops/contract.ts'
import { recordOf } from '../ops/records.ts'
import type { OpKind, OpRecord, Surroundings } from '../ops/record.ts'
import { evaluateNode } from './evaluate.ts'
import { perturbed } from './perturb.ts'
import { chain, type Precision } from './precision.ts'
import { roundingOf } from './rounding.ts'
import { hostTensor, type HostTensor } from './tensor.ts'

export interface Bounded {
  readonly value: HostTensor
  /** What the value may be off by, element by element: 0 or more, infinite where it is undetermined. */
  readonly error: Float64Array
}

/** One node with the values and errors of its operands. */
interface Step {
  readonly node: Node
  readonly operands: readonly Bounded[]
  readonly value: HostTensor
  /** The op on other operands. */
  readonly evaluate: (operands: readonly HostTensor[]) => HostTensor
  readonly precision: Precision
}

type Rule = (step: Step) => Float64Array

const zeros = ({ values }: HostTensor): Float64Array => new Float64Array(values.length)
const unknown = ({ values }: HostTensor): Float64Array => new Float64Array(values.length).fill(Infinity)
const isExact = (error: Float64Array): boolean => error.every((e) => e === 0)
const withValues = ({ shape, dtype }: HostTensor, values: Float64Array): HostTensor => hostTensor(shape, dtype, values)
const asReal = ({ shape }: HostTensor, values: Float64Array): HostTensor => hostTensor(shape, 'f32', values)
const orUnknown = (error: number): number => (Number.isNaN(error) ? Infinity : error)

/** The distance of two results of one op; equal infinities and NaNs are at none. */
const distance = (a: number, b: number): number => (Object.is(a, b) || a === b ? 0 : orUnknown(Math.abs(a - b)))

/** Ops that only move elements move the errors with them. */
const moved: Rule = ({ operands, value, evaluate }) => {
  const errors = evaluate(operands.map((operand) => withValues(operand.value, operand.error))).values
  return errors.length === value.values.length ? errors : unknown(value)
}

// ---- elementwise

/** The largest change of an element between the value and the op at a corner: each operand moved by its error, up or down. */
function corners({ operands, value, evaluate }: Step): Float64Array {
  const worst = zeros(value)
  if (operands.every(({ error }) => isExact(error))) return worst
  for (let corner = 0; corner < 2 ** operands.length; corner++) {
    const at = operands.map(({ value: { shape, dtype, values }, error }, operand) => {
      const sign = (corner >> operand) & 1 ? 1 : -1
      return hostTensor(
        shape,
        dtype,
        values.map((x, i) => (error[i] === 0 ? x : x + sign * error[i])),
      )
    })
    evaluate(at).values.forEach((y, i) => (worst[i] = Math.max(worst[i], distance(y, value.values[i]))))
  }
  // an undetermined operand may be anything
  return worst.map((e, i) => (operands.some(({ error }) => error[i] === Infinity) ? Infinity : e))
}

type Elements = (values: readonly number[], errors: readonly number[], result: number) => number

/** A bound from the elements at one place alone. */
const each =
  (bound: Elements): Rule =>
  ({ operands, value }) =>
    value.values.map((y, i) => {
      const errors = operands.map(({ error }) => error[i])
      return errors.every((e) => e === 0)
        ? 0
        : orUnknown(
            bound(
              operands.map((operand) => operand.value.values[i]),
              errors,
              y,
            ),
          )
    })

/** Where corners do not bound the op, as it is not monotone in each operand. */
const NOT_MONOTONE: Readonly<Partial<Record<OpName, Rule>>> = {
  sin: each((_, [e]) => Math.min(e, 2)),
  cos: each((_, [e]) => Math.min(e, 2)),
  equal: each(([a, b], [ea, eb]) => (Math.abs(a - b) <= ea + eb ? 1 : 0)),
  select: each(([condition, then, otherwise], [ec, et, eo], y) => {
    if (ec === 0) return condition !== 0 ? et : eo
    return Math.max(distance(then, y) + et, distance(otherwise, y) + eo)
  }),
  divide: (step) => {
    const [, divisor] = step.operands
    return corners(step).map((e, i) => (Math.abs(divisor.value.values[i]) <= divisor.error[i] && e !== 0 ? Infinity : e))
  },
  remainder: each(([a, b], [ea, eb]) => {
    const [low, ...others] = [a - ea, a + ea].flatMap((x) => [b - eb, b + eb].map((y) => Math.floor(x / y)))
    return others.every((n) => n === low) ? ea + Math.abs(low) * eb : Infinity
  }),
  power: (step) => {
    const [base] = step.operands
    return corners(step).map((e, i) => (base.value.values[i] <= base.error[i] && e !== 0 ? Infinity : e))
  },
}

const toBool: Rule = each(([x], [e]) => (Math.abs(x) <= e ? 1 : 0))

function elementwise(step: Step): Float64Array {
  const { node, operands, value, precision } = step
  const rule = node.op === 'cast' && node.params.dtype === 'bool' ? toBool : (NOT_MONOTONE[node.op] ?? corners)
  const error = rule(step)
  const rounding = value.dtype === 'f32' ? roundingOf(node.op, precision) : null
  const most = value.dtype === 'bool' ? 1 : Infinity
  return error.map((e, i) => {
    const own =
      rounding?.(
        operands.map((operand) => operand.value.values[i]),
        value.values[i],
      ) ?? 0
    return Math.min(most, e + own)
  })
}

// ---- sums and products

const plus = (...terms: readonly Float64Array[]): Float64Array =>
  terms[0].map((_, i) => orUnknown(terms.reduce((sum, term) => sum + term[i], 0)))
const times = (values: Float64Array, factor: number): Float64Array => values.map((x) => (x === 0 ? 0 : x * factor))
const sizes = (tensor: HostTensor): HostTensor => asReal(tensor, tensor.values.map(Math.abs))

/**
 * Sums of so many terms at most: the errors of the terms, and the rounding of the sum. Other operands are ids, which must be
 * exact.
 */
const summed =
  (terms: (step: Step) => number): Rule =>
  (step) => {
    const [x, ...ids] = step.operands
    if (!ids.every(({ error }) => isExact(error))) return unknown(step.value)
    const rest = ids.map(({ value }) => value)
    const propagated = isExact(x.error) ? zeros(step.value) : step.evaluate([asReal(x.value, x.error), ...rest]).values
    if (step.value.dtype !== 'f32') return plus(propagated)
    return plus(propagated, times(step.evaluate([sizes(x.value), ...rest]).values, chain(terms(step), step.precision)))
  }

/** The change of a maximum or minimum where all elements move up, or all move down. */
const extreme: Rule = ({ operands: [x], value, evaluate }) => {
  if (isExact(x.error)) return zeros(value)
  const [up, down] = [1, -1].map(
    (sign) =>
      evaluate([
        asReal(
          x.value,
          x.value.values.map((v, i) => (x.error[i] === 0 ? v : v + sign * x.error[i])),
        ),
      ]).values,
  )
  return value.values.map((v, i) => Math.max(distance(up[i], v), distance(down[i], v)))
}

/** Sums of products of the first two operands; a third are ids. */
const bilinear =
  (terms: (step: Step) => number): Rule =>
  (step) => {
    const [a, b, ...ids] = step.operands
    const rest = ids.map(({ value }) => value)
    const of = (left: HostTensor, right: HostTensor): Float64Array => step.evaluate([left, right, ...rest]).values
    const [sizeA, sizeB, errorA, errorB] = [sizes(a.value), sizes(b.value), asReal(a.value, a.error), asReal(b.value, b.error)]
    const propagated = [
      ...(isExact(b.error) ? [] : [of(sizeA, errorB)]),
      ...(isExact(a.error) ? [] : [of(errorA, sizeB)]),
      ...(isExact(a.error) || isExact(b.error) ? [] : [of(errorA, errorB)]),
    ]
    const rounded = times(of(sizeA, sizeB), chain(terms(step) + 1, step.precision))
    const error = plus(rounded, ...propagated)
    return error.map((e) => (e === 0 ? 0 : e + step.precision.smallest))
  }

const overSizes = ({ node, operands: [{ value }] }: Step): number =>
  node.op === 'contract'
    ? contractAxes(value.shape.length, node.params, 0).over.reduce((size, axis) => size * value.shape[axis], 1)
    : 1

/** A device leaves rows without an expert unwritten. */
const groupedMatmul: Rule = (step) => {
  const [x, , expert] = step.operands
  const width = step.value.shape[1]
  const isUnknown = expert.value.values.map((id, row) => Number(id < 0 || expert.error[row] > 0))
  return bilinear(() => x.value.shape[1])(step).map((e, i) => (isUnknown[Math.floor(i / width)] ? Infinity : e))
}

const groupedWeightGradient: Rule = (step) => {
  const [x, , expert] = step.operands
  return isExact(expert.error) ? bilinear(() => x.value.shape[0])(step) : unknown(step.value)
}

// ---- by index

const gathered: Rule = (step) => {
  const [x, ids] = step.operands
  const width = step.value.values.length / Math.max(1, ids.value.values.length)
  const errors = step.evaluate([asReal(x.value, x.error), ids.value]).values
  return errors.map((e, i) => (ids.error[Math.floor(i / width)] === 0 ? e : Infinity))
}

/** The rows, and the other rows of the cache, with their errors. */
const appended: Rule = ({ operands: [cache, x, past], value, evaluate }) =>
  isExact(past.error) ? evaluate([asReal(cache.value, cache.error), asReal(x.value, x.error), past.value]).values : unknown(value)

/** An index is determined where its value is farther from its neighbours in the order than their errors. */
const topK: Rule = ({ operands: [x], value, node }) => {
  const error = zeros(value)
  if (node.op !== 'top_k' || isExact(x.error)) return error
  const { k } = node.params
  const width = x.value.shape.at(-1)!
  for (let row = 0; row * k < error.length; row++) {
    const [scores, errors] = [x.value.values, x.error].map((all) => all.subarray(row * width, (row + 1) * width))
    const chosen = [...value.values.subarray(row * k, (row + 1) * k)]
    const others = Array.from(scores, (_, i) => i).filter((i) => !chosen.includes(i))
    const isNear = (i: number, j: number): boolean => !(Math.abs(scores[i] - scores[j]) > errors[i] + errors[j])
    chosen.forEach((i, at) => {
      const rivals = [...chosen.filter((_, other) => other !== at), ...others]
      if (rivals.some((j) => errors[i] + errors[j] > 0 && isNear(i, j))) error[row * k + at] = Infinity
    })
  }
  return error
}

/** Whole numbers from ids: right where those are. */
const fromIds: Rule = ({ operands, value }) => (operands.every(({ error }) => isExact(error)) ? zeros(value) : unknown(value))

/** A device leaves the places of rows without an expert unwritten. */
const sortByExpert: Rule = (step) => {
  const rows = step.operands[0].value.values.length
  return fromIds(step).map((e, at) => (at < rows && step.value.values[at] < 0 ? Infinity : e))
}

const exact: Rule = ({ value }) => zeros(value)

/** A literal is rounded where it is written down. */
const constant: Rule = ({ value, precision }) =>
  value.dtype === 'f32' && precision.name === 'f32' ? value.values.map((x) => distance(Math.fround(x), x)) : zeros(value)

/** A rule for each kind of op, but for ops that have their own. */
const BY_KIND: { readonly [K in OpKind]: Rule } = {
  leaf: exact,
  elementwise,
  movement: moved,
  reduction: extreme,
  contraction: bilinear(overSizes),
  indexed: gathered,
  routed: fromIds,
  custom: fromIds,
}

const BY_OP: Readonly<Partial<Record<OpName, Rule>>> = {
  constant,
  compute_at_load: moved,
  stop_gradient: moved,
  sum: summed(({ node, operands: [{ value }] }) => (node.op === 'sum' ? value.shape[node.params.axis] : 1)),
  top_k: topK,
  random: exact,
  sort_by_expert: sortByExpert,
  grouped_matmul: groupedMatmul,
  grouped_weight_gradient: groupedWeightGradient,
  segment_sum: summed(({ operands: [x] }) => x.value.shape[0]),
  sinkhorn: perturbed,
  sinkhorn_step: perturbed,
  sinkhorn_finish: perturbed,
  sinkhorn_gradient: perturbed,
  svd: perturbed,
  append: appended,
  attention: perturbed,
  attention_lse: perturbed,
  attention_query_gradient: perturbed,
  attention_key_gradient: perturbed,
  attention_value_gradient: perturbed,
}

const ruleOf = (op: OpName): Rule => BY_OP[op] ?? BY_KIND[recordOf(op).kind]

/** One node from its operands. Throws an EvaluationError as the reference does. */
export function boundedNode(node: Node, operands: readonly Bounded[], surroundings: Surroundings, precision: Precision): Bounded {
  const record = recordOf(node.op) as OpRecord<never>
  const evaluate = (tensors: readonly HostTensor[]): HostTensor => record.evaluate(tensors, node.params as never, surroundings)
  const values = operands.map((operand) => operand.value)
  const value = evaluateNode(node, values, surroundings)
  return { value, error: ruleOf(node.op)({ node, operands, value, evaluate, precision }) }
}

/**
 * Values and errors of nodes, computed from those that are known and from leaves. Throws an EvaluationError as the reference
 * does.
 */
export function evaluateBounded(
  roots: readonly Node[],
  known: ReadonlyMap<Node, Bounded>,
  surroundings: Surroundings,
  precision: Precision,
): ReadonlyMap<Node, Bounded> {
  const found = new Map<Node, Bounded>(known)
  for (const node of unknownNodes(roots, known)) {
    const operands = node.inputs.map((input) => found.get(input)!)
    found.set(node, boundedNode(node, operands, surroundings, precision))
  }
  return new Map(roots.map((root) => [root, found.get(root)!]))
}

/** Values without an error. */
export const exactly = (value: HostTensor): Bounded => ({ value, error: zeros(value) })

/** What the roots need and is not known, operands first. */
function unknownNodes(roots: readonly Node[], known: ReadonlyMap<Node, unknown>): readonly Node[] {
  const seen = new Set(roots.filter((root) => !known.has(root)))
  for (const node of seen) for (const input of node.inputs) if (!known.has(input)) seen.add(input)
  return [...seen].sort((a, b) => a.id - b.id)
}
