/**
 * Schedules sums of rows by id: the row numbers are sorted by their ids first, so that each sum reads its own rows alone and
 * nothing is added from two sides. Sorted digit by digit from the last, each pass stable.
 */
import { constantValue, dim, product, ZERO } from '../../plan/dim.ts'
import type { Graph, Node } from '../graph/node.ts'
import { sortedCountIndex } from '../graph/sorted-rows.ts'
import { isOp } from '../graph/walk.ts'
import { NONE } from '../ops/build.ts'
import type { Maker } from '../ops/maker.ts'
import { rebuild } from '../ops/rebuild.ts'
import { ignore, type Fired } from './rewrite.ts'

/** Maximum number of values of a digit: one invocation counts each. */
const MOST_DIGITS = 64
/**
 * Rows whose digits one workgroup counts. Every workgroup reads all counts, so there are few of them for the rows there may be.
 */
const BLOCK = 128
/** Up to so many looks at an id, each element rather looks at all of them: a sort would cost more dispatches than it saves. */
const FEW_LOOKS = 32768

/** Whether every element may look for its rows itself. */
function isSmall(node: Node): boolean {
  const looks = [node.inputs[1].shape[0], product(node.shape)].map(constantValue)
  return looks.every((size) => size !== undefined) && looks.reduce((all, size) => all! * size!, 1)! <= FEW_LOOKS
}

/** How many digits an id below `size` has, and how many values each: as few digits as possible, then as few values. */
export function digitsOf(size: number): { readonly digits: number; readonly base: number } {
  let digits = 1
  while (MOST_DIGITS ** digits < size) digits++
  let base = 1
  while (base ** digits < size) base++
  return { digits, base }
}

/** segment_sum(values, ids)  ==>  segment_sum(values, ids, row numbers sorted by id) */
export function sortSegmentSums(graph: Graph, fired: Fired = ignore): Graph {
  return rebuild(graph, (node, inputs, make) => {
    const size = isOp(node, 'segment_sum') ? constantValue(node.params.size) : undefined
    if (size === undefined || size === 0 || inputs.length > 2 || isSmall(node)) return make(node.op, inputs, node.params as never)
    fired('sort-segment-ids')
    return make('segment_sum', [...inputs, sorted(make, inputs[1], size)], { size: dim(size) })
  })
}

/** The row numbers sorted by their ids, -1 behind them for each that is left out. */
function sorted(make: Maker, ids: Node, size: number): Node {
  const { digits, base } = digitsOf(size)
  const rows = ids.shape[0]
  const whole = (value: number): Node => make.filled([rows], 'i32', value)
  const digit = (id: Node, at: number): Node =>
    make('remainder', [make('divide', [id, whole(base ** at)], NONE), whole(base)], NONE)
  const isLeftOut = make('less', [ids, whole(0)], NONE)
  const first = sortedBy(make, digits === 1 ? ids : make('select', [isLeftOut, ids, digit(ids, 0)], NONE), base)
  // a row that is left out has no digit, and stands behind the others from the first pass on, where a device leaves what it will
  const stands = make(
    'less',
    [make('iota', [], { size: rows }), make('broadcast', [countOf(make, first)], { shape: [rows], axes: [] })],
    NONE,
  )
  const orElse = (value: number, x: Node): Node => make('select', [stands, x, whole(value)], NONE)
  const places = (order: Node): Node => make('slice', [order], { starts: [ZERO], sizes: [rows], steps: [1] })
  let order = places(first)
  for (let at = 1; at < digits; at++) {
    const row = orElse(0, order)
    const keys = orElse(-1, digit(make('take', [ids, row], NONE), at))
    order = make('take', [row, orElse(0, places(sortedBy(make, keys, base)))], NONE)
  }
  return orElse(-1, order)
}

/** The number of sorted rows of an order. */
const countOf = (make: Maker, order: Node): Node =>
  make('reshape', [make('slice', [order], { starts: [sortedCountIndex(order.shape[0])], sizes: [dim(1)], steps: [1] })], {
    shape: [],
  })

/** The row numbers by key, those without one (-1) behind; more behind that. */
function sortedBy(make: Maker, keys: Node, experts: number): Node {
  const column = make.reshape(keys, [keys.shape[0], dim(1)])
  const counts = make('expert_histogram', [column], { experts, block: BLOCK })
  return make('sort_by_expert', [column, counts], { experts, block: BLOCK, tile: BLOCK })
}
