/**
 * Brings contractions into the one form that matmul kernels take: left [batch..., M..., K], right [batch..., N..., K], the batch
 * axes paired in order and one contracted axis, last on both sides. The axes of the result do not change.
 */
import { product } from '../../plan/dim.ts'
import type { Graph, Node } from '../graph/node.ts'
import { contractAxes, type ContractAxes } from '../ops/contract.ts'
import { rewrite, rule, type Fired, type Rule } from './rewrite.ts'
import { isIdentityOrder, NONE, type Maker } from './rules/match.ts'
import { movement } from './rules/movement.ts'

const orderOf = ({ batch, free, over }: ContractAxes): readonly number[] => [...batch, ...free, ...over]

/** Contracted axes that are adjacent and in order are merged in place, which may need no transpose. */
function merged(make: Maker, node: Node, axes: ContractAxes): readonly [Node, ContractAxes] {
  const [first, ...others] = axes.over
  if (others.length === 0 || isIdentityOrder(orderOf(axes)) || others.some((axis, i) => axis !== first + i + 1))
    return [node, axes]
  const end = first + axes.over.length
  const shape = [...node.shape.slice(0, first), product(node.shape.slice(first, end)), ...node.shape.slice(end)]
  const moved = (axis: number): number => (axis < first ? axis : axis - others.length)
  return [make.reshape(node, shape), { batch: axes.batch.map(moved), free: axes.free.map(moved), over: [first] }]
}

/** The operand with its axes in order and its contracted axes merged. */
function operand(make: Maker, given: Node, of: ContractAxes): Node {
  const [node, axes] = merged(make, given, of)
  const moved = make.transpose(node, orderOf(axes))
  const kept = moved.shape.slice(0, axes.batch.length + axes.free.length)
  return make.reshape(moved, [...kept, product(moved.shape.slice(kept.length))])
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)

export const rules: readonly Rule[] = [
  rule(
    'outer-product',
    'contract',
    'contract over nothing  ==>  multiply(broadcast(left), broadcast(right))',
    ({ inputs, params, shape }, make) => {
      if (params.over.length > 0) return null
      const [left, right] = inputs
      const [a, b] = [contractAxes(left.shape.length, params, 0), contractAxes(right.shape.length, params, 1)]
      const [paired, rows] = [a.batch.length, a.free.length]
      const spread = (node: Node, axes: ContractAxes, places: readonly number[]): Node =>
        make('broadcast', [make.transpose(node, orderOf(axes))], { shape, axes: places })
      const columns = range(paired + rows, shape.length)
      return make(
        'multiply',
        [spread(left, a, range(0, paired + rows)), spread(right, b, [...range(0, paired), ...columns])],
        NONE,
      )
    },
  ),
  rule(
    'canonical-axes',
    'contract',
    'contract over any axes  ==>  contract of transposed operands over the last',
    ({ inputs, params }, make) => {
      const [left, right] = inputs
      const [a, b] = [contractAxes(left.shape.length, params, 0), contractAxes(right.shape.length, params, 1)]
      if (params.over.length === 1 && isIdentityOrder(orderOf(a)) && isIdentityOrder(orderOf(b))) return null
      const [x, w] = [operand(make, left, a), operand(make, right, b)]
      const batch = range(0, a.batch.length).map((axis) => [axis, axis] as const)
      return make('contract', [x, w], { batch, over: [[x.shape.length - 1, w.shape.length - 1]] })
    },
  ),
]

export const canonicalizeContractions = (graph: Graph, fired?: Fired): Graph => rewrite(graph, [...rules, ...movement], fired)
