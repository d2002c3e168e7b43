/** A `contract` or `routed_matmul` seen as rows times columns over one contiguous depth, where it can be. */
import { product, type Dim, ONE } from '../../plan/dim.ts'
import type { Node } from '../graph/node.ts'

export interface ProductView {
  readonly kind: 'dense' | 'batched' | 'routed'
  readonly batch: Dim
  readonly rows: Dim
  readonly columns: Dim
  readonly depth: Dim
  /** The left operand; for routed products the rows before they were gathered. */
  readonly left: Node
  readonly right: Node
  /** Routed products: the expert of a row, and the source row where the left operand is gathered. */
  readonly expert: Node | null
  readonly sourceRow: Node | null
  readonly order: Node | null
  readonly operandsInMemory: readonly Node[]
}

/** Whether the templates can take it: one joined axis, last on both sides; batch axes first. */
export function isProduct(node: Node): boolean {
  if (node.op === 'routed_matmul') return true
  if (node.op !== 'contract') return false
  const [left, right] = node.inputs
  const { batch, over } = node.params
  if (over.length !== 1 || over[0][0] !== left.shape.length - 1 || over[0][1] !== right.shape.length - 1) return false
  return batch.every(([l, r], at) => l === at && r === at)
}

const views = new WeakMap<Node, ProductView>()

export function productView(node: Node): ProductView {
  const known = views.get(node)
  if (known !== undefined) return known
  const view = node.op === 'routed_matmul' ? routedView(node) : contractView(node as Node<'contract'> & { op: 'contract' })
  views.set(node, view)
  return view
}

function contractView(node: Node & { op: 'contract' }): ProductView {
  const [left, right] = node.inputs
  const batches = node.params.batch.length
  const batch = product(left.shape.slice(0, batches))
  return {
    kind: batches === 0 ? 'dense' : 'batched',
    batch,
    rows: product(left.shape.slice(0, -1)),
    columns: product(right.shape.slice(batches, -1)),
    depth: left.shape[left.shape.length - 1],
    left,
    right,
    expert: null,
    sourceRow: null,
    order: null,
    operandsInMemory: [left, right],
  }
}

function routedView(node: Node & { op: 'routed_matmul' }): ProductView {
  const [x, bank, expert, order = null] = node.inputs
  // rows that are gathered are gathered while they are loaded
  const gathered = x.op === 'take' && x.inputs[0].shape.length === 2 && x.inputs[1].shape.length === 1
  const left = gathered ? x.inputs[0] : x
  return {
    kind: 'routed',
    batch: ONE,
    rows: x.shape[0],
    columns: bank.shape[1],
    depth: bank.shape[2],
    left,
    right: bank,
    expert,
    sourceRow: gathered ? x.inputs[1] : null,
    order,
    operandsInMemory: [left, bank, ...(order === null ? [] : [order])],
  }
}

/** Whether two products can share the loads of their left operand. */
export function sharesLeft(a: Node, b: Node): boolean {
  if (a.op !== b.op) return false
  const [x, y] = [productView(a), productView(b)]
  return x.kind === y.kind && x.left === y.left && x.sourceRow === y.sourceRow && x.expert === y.expert && x.order === y.order &&
    x.rows === y.rows && x.columns === y.columns && x.batch === y.batch
}
