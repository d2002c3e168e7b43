/** A `contract`, `grouped_matmul` or `grouped_weight_gradient` seen as rows times columns over one depth, where it can be. */
import { product, type Dim, ONE } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'

export type Along = 'depth' | 'lines'

export interface MatmulView {
  readonly kind: 'dense' | 'batched' | 'routed' | 'outer'
  readonly batch: Dim
  readonly rows: Dim
  /** Rows of one batch, where there are batches. */
  readonly rowsEach: Dim
  readonly columns: Dim
  readonly depth: Dim
  /** The left operand; where it was gathered or transposed, what it was before. */
  readonly left: Node
  readonly leftAlong: Along
  readonly right: Node
  readonly rightAlong: Along
  /** Routed products: the expert of a row of their left operand. */
  readonly expert: Node | null
  /** The row of the left operand that is read for a row, or for a depth in an outer product, where it is gathered. */
  readonly sourceRow: Node | null
  /** The same of the right operand of an outer product. */
  readonly rightRow: Node | null
  readonly order: Node | null
  readonly operandsInMemory: readonly Node[]
}

/** Whether the templates can take it: one joined axis, last on both sides; batch axes first; rows of experts in an order. */
export function isMatmul(node: Node): boolean {
  if (node.op === 'grouped_matmul') return true
  if (node.op === 'grouped_weight_gradient') return node.inputs[3]?.op === 'sort_by_expert'
  if (node.op !== 'contract') return false
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
  readonly along: Along
}

/** Whether it is sure to be a multiple of four, so that vectors of four never part. */
export const isDivisibleBy4 = (dim: Dim): boolean => dim.terms.every((term) => term.coefficient % 4 === 0)

/** An operand [batch..., lines..., depth]; one that is a transposed [batch..., depth, lines...] is read as it was, unless only so it comes in vectors. */
function sideOf(operand: Node, batches: number): Side {
  if (operand.op !== 'transpose') return { node: operand, along: 'depth' }
  const { order } = operand.params
  const last = order.length - 1
  const isTurned =
    last > batches && order.every((from, axis) => from === (axis < batches ? axis : axis === last ? batches : axis + 1))
  const isWorse = isDivisibleBy4(operand.shape[last]) && !isDivisibleBy4(product(operand.shape.slice(batches, last)))
  return isTurned && !isWorse ? { node: operand.inputs[0], along: 'lines' } : { node: operand, along: 'depth' }
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
    depth: leftOperand.shape[leftOperand.shape.length - 1],
    left: left.node,
    leftAlong: left.along,
    right: right.node,
    rightAlong: right.along,
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
    depth: bank.shape[2],
    left: left.node,
    leftAlong: 'depth',
    right: right.node,
    rightAlong: right.along,
    expert,
    sourceRow: left.ids,
    rightRow: null,
    order,
    operandsInMemory: [left.node, right.node, ...(order === null ? [] : [order])],
  }
}

/** rows [N, F] and x [N, D]: a matrix [F, D] an expert, the depth its rows. */
function outerView(node: Node & { op: 'grouped_weight_gradient' }): MatmulView {
  const [x, rows, expert, order] = node.inputs
  const [left, right] = [gathered(rows), gathered(x)]
  return {
    kind: 'outer',
    batch: node.shape[0],
    rows: product(node.shape.slice(0, -1)),
    rowsEach: node.shape[1],
    columns: node.shape[2],
    depth: x.shape[0],
    left: left.node,
    leftAlong: 'lines',
    right: right.node,
    rightAlong: 'lines',
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
    x.leftAlong === y.leftAlong &&
    x.sourceRow === y.sourceRow &&
    x.expert === y.expert &&
    x.order === y.order &&
    x.rows === y.rows &&
    x.columns === y.columns &&
    x.batch === y.batch &&
    x.rightAlong === y.rightAlong
  )
}
