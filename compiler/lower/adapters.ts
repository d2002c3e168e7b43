/**
 * LoRA: a product of low rank beside frozen matrices, Hu et al., 2021, arXiv:2106.09685. x @ (W + s B A).T is computed as
 * x @ W.T + s (x @ A.T) @ B.T where a matmul reads the weight, and with the sum of the weights wherever anything else does.
 */
import { dim } from '../../plan/dim.ts'
import { adapterName, type Adapter, type AdapterSide } from '../../plan/adapters.ts'
import type { Graph, Node } from '../graph/node.ts'
import type { OpParams } from '../graph/vocabulary.ts'
import { isOp } from '../graph/walk.ts'
import type { Maker } from '../ops/maker.ts'
import { copy, rebuild } from '../ops/rebuild.ts'

type WeightNode = Node & { readonly op: 'weight'; readonly params: OpParams['weight'] }

/** The adapter of a weight by its path, [out, in] or a bank of these, [E, out, in]; null for none. */
export type AdapterOf = (path: string) => Adapter | null

const DOCS: Readonly<Record<AdapterSide, string>> = { down: 'A of LoRA', up: 'B of LoRA' }

/** A matrix of the pair, with a leading axis where the weight has one. */
function sideOf(make: Maker, { params: { name }, shape }: WeightNode, { rank }: Adapter, side: AdapterSide): Node {
  const path = adapterName(name, side)
  const [out, into] = shape.slice(-2)
  const own = side === 'down' ? [dim(rank), into] : [out, dim(rank)]
  const source = { stacked: false, pieces: [{ tensor: path, slices: [], transpose: false }] }
  return make('weight', [], { name: path, shape: [...shape.slice(0, -2), ...own], source, doc: DOCS[side] })
}

/** W + s B A. */
function merged(make: Maker, weight: WeightNode, adapter: Adapter): Node {
  const [down, up] = [sideOf(make, weight, adapter, 'down'), sideOf(make, weight, adapter, 'up')]
  const [row, column] = [weight.shape.length - 2, weight.shape.length - 1]
  const batch = weight.shape.length === 3 ? ([[0, 0]] as const) : []
  const product = make('contract', [up, down], { batch, over: [[column, row]] })
  return make.add(weight, make.times(product, adapter.scale))
}

/** s (x @ A.T) @ B.T in the place of x @ (s B A).T; null where the matmul does not read all of one axis of the weight. */
function lowRank(make: Maker, node: Node, inputs: readonly Node[], adapter: Adapter): Node | null {
  const [x, weight, ...others] = inputs as readonly [Node, WeightNode, ...Node[]]
  const [down, up] = [sideOf(make, weight, adapter, 'down'), sideOf(make, weight, adapter, 'up')]
  if (isOp(node, 'grouped_matmul')) {
    const inner = make('grouped_matmul', [x, down, ...others], {})
    return make('grouped_matmul', [make.times(inner, adapter.scale), up, ...others], {})
  }
  if (!isOp(node, 'contract') || weight.shape.length !== 2 || node.params.batch.length > 0 || node.params.over.length !== 1)
    return null
  const [[axis, ofWeight]] = node.params.over
  const [first, second] = ofWeight === 1 ? [down, up] : [up, down]
  const inner = make('contract', [x, first], { batch: [], over: [[axis, ofWeight]] })
  const last = inner.shape.length - 1
  return make('contract', [make.times(inner, adapter.scale), second], { batch: [], over: [[last, ofWeight]] })
}

const isAdapted = (node: Node, adapterOf: AdapterOf): node is WeightNode =>
  isOp(node, 'weight') && adapterOf(node.params.name) !== null

/** The graph with the pairs beside the weights that have one. */
export function withAdapters(graph: Graph, adapterOf: AdapterOf): Graph {
  return rebuild(graph, (node, inputs, make) => {
    if (!inputs.some((input) => isAdapted(input, adapterOf))) return copy(node, inputs, make)
    const [x, weight] = inputs
    const isPlain = inputs.length >= 2 && x !== weight && isAdapted(weight, adapterOf) && !isAdapted(x, adapterOf)
    const added = isPlain ? lowRank(make, node, inputs, adapterOf(weight.params.name)!) : null
    if (added !== null) return make.add(copy(node, inputs, make), added)
    const sums = inputs.map((input) => (isAdapted(input, adapterOf) ? merged(make, input, adapterOf(input.params.name)!) : input))
    return copy(node, sums, make)
  })
}
