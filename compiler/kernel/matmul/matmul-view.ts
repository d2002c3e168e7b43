/** A `contract`, `grouped_matmul` or `grouped_weight_gradient` as rows by columns over one K, where possible. */
import { product, type Dim, ONE } from '../../../plan/dim.ts'
import { isMatmul } from '../../graph/families.ts'
import type { Node } from '../../graph/node.ts'

export type Layout = 'k-major' | 'mn-major'

export interface MatmulView {
  readonly kind: 'dense' | 'batched' | 'routed' | 'outer'
  readonly batch: Dim
  readonly rows: Dim
  /** Rows of one batch, where there are batches. */
  readonly rowsEach: Dim
  readonly columns: Dim
  readonly k: Dim
  /** The left operand; where it was gathered or transposed, what it was before. */
  readonly left: Node
  readonly leftLayout: Layout
  readonly right: Node
  readonly rightLayout: Layout
  /** Routed products: the expert of a row of their left operand. */
  readonly expert: Node | null
  /** The row of the left operand that is read for a row, or for a k of a weight gradient, where rows are gathered. */
  readonly sourceRow: Node | null
  /** The same of the right operand of an outer product. */
  readonly rightRow: Node | null
  readonly order: Node | null
  readonly operandsInMemory: readonly Node[]
}

/**
 * Whether the templates can compute it: a `contract` with one joined axis, last on both sides, and its batch axes first; a weight
 * gradient whose rows are sorted by expert; any grouped matmul.
 */
export function hasMatmulTemplate(node: Node): boolean {
  if (!isMatmul(node)) return false
  if (node.op === 'grouped_weight_gradient') return node.inputs[3]?.op === 'sort_by_expert'
  if (node.op !== 'contract') return true
  const [left, right] = node.inputs
  const { batch, over } = node.params
  if (over.length !== 1 || over[0][0] !== left.shape.length - 1 || over[0][1] !== right.shape.length - 1) return false
  return batch.every(([l, r], at) => l === at && r === at)
}

const views = new WeakMap<Node, MatmulView>()

export function matmulView(node: Node): MatmulView {
  const known = views.get(node)
  if (known !== undefined) return known
  const view = viewOf(node)
  views.set(node, view)
  return view
}

function viewOf(node: Node): MatmulView {
  if (node.op === 'grouped_matmul') return routedView(node)
  if (node.op === 'grouped_weight_gradient') return outerView(node)
  return contractView(node as Node<'contract'> & { op: 'contract' })
}

interface Side {
  readonly node: Node
  readonly layout: Layout
}

/** Whether it is sure to be a multiple of four, so that vectors of four never part. */
export const isDivisibleBy4 = (dim: Dim): boolean => dim.terms.every((term) => term.coefficient % 4 === 0)

/**
 * An operand [batch..., rows or columns..., k]. A transposed [batch..., k, rows or columns...] is read as it is in memory,
 * MN-major, unless only the transposed copy can be loaded as vec4.
 */
function sideOf(operand: Node, batches: number): Side {
  if (operand.op !== 'transpose') return { node: operand, layout: 'k-major' }
  const { order } = operand.params
  const last = order.length - 1
  const isTransposed =
    last > batches && order.every((from, axis) => from === (axis < batches ? axis : axis === last ? batches : axis + 1))
  const isWorse = isDivisibleBy4(operand.shape[last]) && !isDivisibleBy4(product(operand.shape.slice(batches, last)))
  return isTransposed && !isWorse ? { node: operand.inputs[0], layout: 'mn-major' } : { node: operand, layout: 'k-major' }
}

function contractView(node: Node & { op: 'contract' }): MatmulView {
  const batches = node.params.batch.length
  const [leftOperand, rightOperand] = node.inputs
  const [left, right] = node.inputs.map((operand) => sideOf(operand, batches))
  return {
    kind: batches === 0 ? 'dense' : 'batched',
    batch: product(leftOperand.shape.slice(0, batches)),
    rows: product(leftOperand.shape.slice(0, -1)),
    rowsEach: product(leftOperand.shape.slice(batches, -1)),
    columns: product(rightOperand.shape.slice(batches, -1)),
    k: leftOperand.shape[leftOperand.shape.length - 1],
    left: left.node,
    leftLayout: left.layout,
    right: right.node,
    rightLayout: right.layout,
    expert: null,
    sourceRow: null,
    rightRow: null,
    order: null,
    operandsInMemory: [left.node, right.node],
  }
}

/** Rows that are gathered are gathered while they are loaded. */
function gathered(x: Node): { readonly node: Node; readonly ids: Node | null } {
  if (x.op !== 'take' || x.inputs[0].shape.length !== 2 || x.inputs[1].shape.length !== 1) return { node: x, ids: null }
  return { node: x.inputs[0], ids: x.inputs[1] }
}

function routedView(node: Node & { op: 'grouped_matmul' }): MatmulView {
  const [x, bank, expert, order = null] = node.inputs
  const left = gathered(x)
  const right = sideOf(bank, 1)
  return {
    kind: 'routed',
    batch: ONE,
    rows: x.shape[0],
    rowsEach: x.shape[0],
    columns: bank.shape[1],
    k: bank.shape[2],
    left: left.node,
    leftLayout: 'k-major',
    right: right.node,
    rightLayout: right.layout,
    expert,
    sourceRow: left.ids,
    rightRow: null,
    order,
    operandsInMemory: [left.node, right.node, ...(order === null ? [] : [order])],
  }
}

/** rows [N, F] and x [N, D]: a matrix [F, D] for each expert, K are its rows. */
function outerView(node: Node & { op: 'grouped_weight_gradient' }): MatmulView {
  const [x, rows, expert, order] = node.inputs
  const [left, right] = [gathered(rows), gathered(x)]
  return {
    kind: 'outer',
    batch: node.shape[0],
    rows: product(node.shape.slice(0, -1)),
    rowsEach: node.shape[1],
    columns: node.shape[2],
    k: x.shape[0],
    left: left.node,
    leftLayout: 'mn-major',
    right: right.node,
    rightLayout: 'mn-major',
    expert,
    sourceRow: left.ids,
    rightRow: right.ids,
    order,
    operandsInMemory: [left.node, right.node, order],
  }
}

/** Whether two products can share the loads of their left operand. */
export function sharesLeft(a: Node, b: Node): boolean {
  if (a.op !== b.op) return false
  const [x, y] = [matmulView(a), matmulView(b)]
  return (
    x.kind === y.kind &&
    x.left === y.left &&
    x.leftLayout === y.leftLayout &&
    x.sourceRow === y.sourceRow &&
    x.expert === y.expert &&
    x.order === y.order &&
    x.rows === y.rows &&
    x.columns === y.columns &&
    x.batch === y.batch &&
    x.rightLayout === y.rightLayout
  )
}
