/**
 * Graphs of products whose operands are inputs, weights, or computed: transposed, sliced, reshaped, broadcast, gathered,
 * concatenated, or products themselves. All values are small whole numbers, so sums are exact in f32 and a device must give the
 * very same ones.
 */
import fc from 'fast-check'
import { constantValue, dim, isConstant, multiply, product, symbol, evaluate as sizeOf, type Dim } from '../../plan/dim.ts'
import type { Graph, Node } from '../../compiler/graph/node.ts'
import { print } from '../../compiler/graph/print.ts'
import { reachable } from '../../compiler/graph/walk.ts'
import type { DType, OpName, OpParams } from '../../compiler/graph/vocabulary.ts'
import { createBuilder, NO_ORIGIN, NONE } from '../../compiler/ops/build.ts'
import type { Feeds } from '../../compiler/reference/evaluate.ts'
import { hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import type { Sample } from './random-graph.ts'
import { Tape } from './tape.ts'

const EXPERTS = 3
const T = symbol('T')
const TOKENS = [3, 1, 2, 6, 11]
const DEPTHS = [3, 1, 2, 4, 8, 12].map((size) => dim(size))
const COLUMNS = [3, 1, 2, 4, 5, 8].map((size) => dim(size))
const ROWS: readonly (readonly Dim[])[] = [[T], [T, dim(2)], [dim(2)], [dim(1), T], [dim(4)]]

interface Leaf {
  readonly shape: readonly Dim[]
  readonly dtype: DType
  /** Values are from `least` to `most`. */
  readonly least: number
  readonly most: number
}

/** Identity is the graph that grows. */
class ProductGrower {
  readonly builder = createBuilder()
  readonly inputs = new Map<Node, Leaf>()
  readonly weights = new Map<Node, Leaf>()
  readonly tape: Tape

  constructor(tape: Tape) {
    this.tape = tape
    this.leaf([T], 'f32')
  }

  make<N extends OpName>(op: N, inputs: readonly Node[], params: OpParams[N]): Node {
    return this.builder.make(op, inputs, params, NO_ORIGIN) as Node
  }

  leaf(shape: readonly Dim[], dtype: 'f32' | 'i32' = 'f32', least = -2, most = 2): Node {
    const leaf = { shape, dtype, least, most }
    if (dtype === 'f32' && shape.length > 0 && shape.every(isConstant) && this.tape.choose(2) === 1) return this.weight(leaf)
    const node = this.make('input', [], { name: `in${this.inputs.size}`, dtype, shape })
    this.inputs.set(node, leaf)
    return node
  }

  weight(leaf: Leaf): Node {
    const name = `w${this.weights.size}`
    const source = { stacked: false, pieces: [{ tensor: name, slices: [], transpose: false }] }
    const node = this.make('weight', [], { name, shape: leaf.shape, source, doc: '' })
    this.weights.set(node, leaf)
    return node
  }

  filled(value: number, shape: readonly Dim[], dtype: DType = 'f32'): Node {
    return this.make('broadcast', [this.make('constant', [], { dtype, shape: [], values: [value] })], { shape, axes: [] })
  }

  /** A tensor of this shape, made in one of OPERANDS' ways. */
  operand(shape: readonly Dim[], depth = 2): Node {
    const way = depth === 0 ? plain : this.tape.of(OPERANDS)
    return way(this, shape, depth - 1) ?? this.leaf(shape)
  }

  ids(shape: readonly Dim[], below: number, least = 0): Node {
    return this.leaf(shape, 'i32', least, below - 1)
  }

  order(rank: number): number[] {
    const rest = Array.from({ length: rank }, (_, axis) => axis)
    return Array.from({ length: rank }, () => rest.splice(this.tape.choose(rest.length), 1)[0])
  }
}

type Way = (g: ProductGrower, shape: readonly Dim[], depth: number) => Node | null

const plain: Way = (g, shape) => g.leaf(shape)
const doubled: Way = (g, shape, depth) => g.make('multiply', [g.operand(shape, depth), g.filled(2, shape)], NONE)
const added: Way = (g, shape, depth) => g.make('add', [g.operand(shape, depth), g.leaf(shape)], NONE)

/** The axes of the result are `order` of those of the operand. */
const transposed: Way = (g, shape, depth) => {
  const order = g.tape.choose(2) === 0 ? shape.map((_, axis) => shape.length - 1 - axis) : g.order(shape.length)
  const from: Dim[] = []
  order.forEach((axis, at) => (from[axis] = shape[at]))
  return g.make('transpose', [g.operand(from, depth)], { order })
}

const sliced: Way = (g, shape, depth) => {
  const cuts = shape.map((size) =>
    isConstant(size) ? { start: g.tape.choose(3), step: 1 + g.tape.choose(2) } : { start: 0, step: 1 },
  )
  const from = shape.map((size, axis) =>
    isConstant(size) ? dim(cuts[axis].start + constantValue(size)! * cuts[axis].step) : size,
  )
  return g.make('slice', [g.operand(from, depth)], {
    starts: cuts.map(({ start }) => dim(start)),
    sizes: shape,
    steps: cuts.map(({ step }) => step),
  })
}

const reshaped: Way = (g, shape, depth) => {
  const last = shape.at(-1) ?? dim(1)
  const froms: Dim[][] = [[product(shape)], [dim(1), ...shape], [...shape, dim(1)]]
  if (shape.length >= 2)
    froms.push([product(shape.slice(0, 2)), ...shape.slice(2)], [...shape.slice(0, -2), product(shape.slice(-2))])
  if (isConstant(last) && constantValue(last)! % 2 === 0)
    froms.push([...shape.slice(0, -1), dim(constantValue(last)! / 2), dim(2)])
  return g.make('reshape', [g.operand(g.tape.of(froms), depth)], { shape })
}

const spread: Way = (g, shape, depth) => {
  const axes = shape.flatMap((_, axis) => (g.tape.choose(2) === 0 ? [] : [axis]))
  return g.make(
    'broadcast',
    [
      g.operand(
        axes.map((axis) => shape[axis]),
        depth,
      ),
    ],
    { shape, axes },
  )
}

const gathered: Way = (g, shape, depth) =>
  shape.length === 0 ? null : g.make('take', [g.operand([dim(4), ...shape.slice(1)], depth), g.ids([shape[0]], 4)], NONE)

const joined: Way = (g, shape, depth) => {
  const axis = shape.findIndex((size) => isConstant(size) && constantValue(size)! >= 2)
  if (axis < 0) return null
  const parts = [dim(1), dim(constantValue(shape[axis])! - 1)].map((size) => g.operand(shape.with(axis, size), depth))
  return g.make('concat', parts, { axis })
}

const summed: Way = (g, shape, depth) => {
  const axis = g.tape.choose(shape.length + 1)
  return g.make(g.tape.of(['sum', 'max'] as const), [g.operand(shape.toSpliced(axis, 0, dim(2)), depth)], { axis })
}

/** As a cumulative sum is lowered, and any other product. */
const multiplied: Way = (g, shape, depth) => {
  if (shape.length === 0) return null
  return denseOf(g, shape.slice(0, -1), shape.at(-1)!, g.operand([...shape.slice(0, -1), dim(3)], depth), depth)
}

const OPERANDS: readonly Way[] = [
  plain,
  doubled,
  transposed,
  sliced,
  reshaped,
  spread,
  gathered,
  joined,
  summed,
  multiplied,
  added,
]

/** rows x depth times columns x depth, each with its axes in any order. */
function denseOf(g: ProductGrower, rows: readonly Dim[], columns: Dim, left: Node, depth = 2): Node {
  const joint = left.shape.at(-1)!
  const isFlipped = g.tape.choose(2) === 1
  const right = g.operand(isFlipped ? [joint, columns] : [columns, joint], depth)
  return g.make('contract', [left, right], { batch: [], over: [[rows.length, isFlipped ? 0 : 1]] })
}

type Product = (g: ProductGrower) => Node

const dense: Product = (g) => {
  const rows = g.tape.of(ROWS)
  return denseOf(g, rows, g.tape.of(COLUMNS), g.operand([...rows, g.tape.of(DEPTHS)]))
}

/** The joined axis is anywhere on either side. */
const anyAxes: Product = (g) => {
  const [joint, rows, columns] = [
    g.tape.of([...DEPTHS, T]),
    g.tape.of(ROWS),
    [g.tape.of(COLUMNS), dim(2)].slice(g.tape.choose(2)),
  ]
  const [i, j] = [g.tape.choose(rows.length + 1), g.tape.choose(columns.length + 1)]
  return g.make('contract', [g.operand(rows.toSpliced(i, 0, joint)), g.operand(columns.toSpliced(j, 0, joint))], {
    batch: [],
    over: [[i, j]],
  })
}

const batched: Product = (g) => {
  const [batch, joint] = [g.tape.of([dim(2), T]), g.tape.of([...DEPTHS, T])]
  const side = (lines: Dim): { readonly node: Node; readonly at: readonly number[] } => {
    const at = g.order(3)
    const shape: Dim[] = []
    ;[batch, lines, joint].forEach((size, axis) => (shape[at[axis]] = size))
    return { node: g.operand(shape), at }
  }
  const [left, right] = [side(g.tape.of([T, dim(3), dim(4)])), side(g.tape.of(COLUMNS))]
  return g.make('contract', [left.node, right.node], { batch: [[left.at[0], right.at[0]]], over: [[left.at[2], right.at[2]]] })
}

/** Rows of tokens, each chosen k times. */
function rowsOf(g: ProductGrower): { readonly rows: Dim; readonly expert: (least: number) => Node } {
  const k = 1 + g.tape.choose(2)
  const rows = multiply(T, k)
  return { rows, expert: (least) => g.make('reshape', [g.ids([T, dim(k)], EXPERTS, least)], { shape: [rows] }) }
}

const routed: Product = (g) => {
  const { rows, expert } = rowsOf(g)
  const [joint, columns] = [g.tape.of(DEPTHS), g.tape.of(COLUMNS)]
  return g.make('grouped_matmul', [g.operand([rows, joint]), g.operand([dim(EXPERTS), columns, joint]), expert(0)], NONE)
}

const everyExpert: Product = (g) => {
  const [joint, rows] = [g.tape.of(DEPTHS), multiply(T, EXPERTS)]
  const spreadIds = g.make('broadcast', [g.make('iota', [], { size: dim(EXPERTS) })], { shape: [dim(EXPERTS), T], axes: [0] })
  const expert = g.make('reshape', [spreadIds], { shape: [rows] })
  return g.make('grouped_matmul', [g.operand([rows, joint]), g.operand([dim(EXPERTS), g.tape.of(COLUMNS), joint]), expert], NONE)
}

const outer: Product = (g) => {
  const { rows, expert } = rowsOf(g)
  return g.make(
    'grouped_weight_gradient',
    [g.operand([rows, g.tape.of(COLUMNS)]), g.operand([rows, g.tape.of(COLUMNS)]), expert(-1)],
    {
      experts: EXPERTS,
    },
  )
}

/** What reads a product: it is an output in any case of the first, and else what is made of it. */
type Tail = (g: ProductGrower, y: Node) => readonly Node[]

const ranked: Tail = (g, y) => {
  const width = y.shape.length === 0 ? undefined : constantValue(y.shape.at(-1)!)
  if (width === undefined || width === 0) return [y]
  const chosen = g.make('top_k', [y], { k: 1 + g.tape.choose(Math.min(width, 3)) })
  return [chosen, g.make('pick', [y, chosen], NONE)]
}

/** A gating kernel of one product or two. */
const gated: Tail = (g) => {
  const rows = g.tape.of(ROWS)
  const [columns, left] = [g.tape.of(COLUMNS), g.operand([...rows, g.tape.of(DEPTHS)])]
  const score = denseOf(g, rows, columns, left)
  const other = (): Node => (g.tape.choose(2) === 0 ? left : g.operand([...rows, g.tape.of(DEPTHS)]))
  return ranked(g, g.tape.choose(2) === 0 ? score : g.make('add', [score, denseOf(g, rows, columns, other())], NONE))
}

const flattened: Tail = (g, y) =>
  ranked(g, y.shape.length < 2 ? y : g.make('reshape', [y], { shape: [...y.shape.slice(0, -2), product(y.shape.slice(-2))] }))

const centred: Tail = (g, y) => {
  if (y.shape.length === 0) return [y]
  const largest = g.make('max', [y], { axis: y.shape.length - 1 })
  const again = g.make('broadcast', [largest], { shape: y.shape, axes: largest.shape.map((_, axis) => axis) })
  return [g.make('subtract', [y, again], NONE)]
}

/** An epilogue, and a second product of the same shape beside it. */
const scaled: Tail = (g, y) => [g.make('multiply', [y, g.operand(y.shape)], NONE)]

const PRODUCTS: readonly Product[] = [dense, anyAxes, batched, routed, outer, everyExpert]
const TAILS: readonly Tail[] = [(_, y) => [y], scaled, ranked, gated, centred, flattened]

const wholes = (tape: Tape, { shape, dtype, least, most }: Leaf, tokens: number): HostTensor => {
  const sizes = shape.map((size) => sizeOf(size, { T: tokens }))
  const [start, step] = [tape.choose(97), 1 + tape.choose(17)]
  return hostTensor(
    sizes,
    dtype,
    Float64Array.from(
      { length: sizes.reduce((a, b) => a * b, 1) },
      (_, i) => least + ((start + i * step + ((i * i) % 7)) % (most - least + 1)),
    ),
  )
}

const feedsText = ({ inputs, weights }: Feeds): string =>
  Object.entries({ ...inputs, ...weights })
    .map(([name, { shape, values }]) => `# ${name} [${shape.join(', ')}] = ${values.join(' ')}\n`)
    .join('')

function sampleFrom(choices: readonly number[], count: number): Sample {
  const tape = new Tape(choices)
  const g = new ProductGrower(tape)
  const tokens = tape.of(TOKENS)
  const nodes = Array.from({ length: count }, () => tape.of(TAILS)(g, tape.of(PRODUCTS)(g))).flat()
  // a checkpoint holds what the graph reads and no more
  const read = new Set<Node>(reachable(nodes))
  const feed = (leaves: ReadonlyMap<Node, Leaf>, isFed: (node: Node) => boolean): Record<string, HostTensor> =>
    Object.fromEntries(
      [...leaves]
        .filter(([node]) => isFed(node))
        .map(([node, leaf]) => [(node.params as { name: string }).name, wholes(tape, leaf, tokens)]),
    )
  const graph: Graph = {
    name: 'products',
    doc: '',
    dims: [{ name: 'T', doc: '' }],
    docs: {},
    inputs: [...g.inputs.keys()] as unknown as Graph['inputs'],
    outputs: nodes.map((node, i) => ({ name: `out${i}`, node, doc: '' })),
  }
  const sample = { graph, feeds: { inputs: feed(g.inputs, () => true), weights: feed(g.weights, (node) => read.has(node)) } }
  return { ...sample, [fc.toStringMethod]: () => `\n${print(graph)}${feedsText(sample.feeds)}` }
}

/** Graphs of `count` products and what reads them. */
export const productSamples = (count: number): fc.Arbitrary<Sample> =>
  fc
    .array(fc.nat({ max: 9999 }), { minLength: 10, maxLength: 40 * count, size: 'max' })
    .map((choices) => sampleFrom(choices, count))
