/** Random graphs over the whole vocabulary, from a tape of choices that fast-check shrinks. */
import fc from 'fast-check'
import { constantValue, dim, isConstant, product, symbol, evaluate as sizeOf, type Dim } from '../../plan/dim.ts'
import type { Graph, Node } from '../../compiler/graph/node.ts'
import { print } from '../../compiler/graph/print.ts'
import { isOp, reachable } from '../../compiler/graph/walk.ts'
import type { DType, OpName, OpParams } from '../../compiler/graph/vocabulary.ts'
import { createBuilder, NONE } from '../../compiler/ops/build.ts'
import { infer } from '../../compiler/ops/infer.ts'
import {
  BINARY_OPCODES,
  binaryFunction,
  UNARY_OPCODES,
  unaryFunction,
  type BinaryOpcode,
  type UnaryOpcode,
} from '../../compiler/scalar/operations.ts'
import { sameShape } from '../../compiler/ops/shapes.ts'
import { records } from '../../compiler/ops/records.ts'
import type { Feeds } from '../../compiler/reference/evaluate.ts'
import { hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import { Tape } from './tape.ts'

export interface Sample {
  readonly graph: Graph
  readonly feeds: Feeds
  readonly [fc.toStringMethod]: () => string
}

const SYMBOLS = ['B', 'S'] as const
const SIZES: readonly Dim[] = [dim(1), dim(2), dim(3), dim(4), symbol('B'), symbol('S'), dim(0)]
const EXPERTS = 4
const LONGEST = 4
const values = [-2, -1.5, -1, -0.5, -0, 0, 0.25, 1, 1, 2, 3]
const wholes = [-3, -1, 0, 1, 2, 5]

class Grower {
  readonly tape: Tape
  readonly builder = createBuilder()
  readonly pool: Node[] = []
  readonly sizes: Record<string, number>

  constructor(tape: Tape) {
    this.tape = tape
    this.sizes = Object.fromEntries(SYMBOLS.map((name) => [name, tape.of([2, 1, 3, 0])]))
  }

  make<N extends OpName>(op: N, inputs: readonly Node[], params: OpParams[N]): Node | null {
    if ('error' in infer(op, inputs, params)) return null
    const node = this.builder.make(op, inputs, params, { span: null, instance: this.tape.of(['', 'layers.0/moe']) }) as Node
    if (!this.pool.includes(node)) this.pool.push(node)
    return node
  }

  shape(rank = this.tape.choose(4)): Dim[] {
    return Array.from({ length: rank }, () => this.tape.of(SIZES))
  }

  any(fits: (node: Node) => boolean): Node | null {
    const found = this.pool.filter(fits)
    return found.length === 0 ? null : this.tape.of(found)
  }

  typed(...dtypes: DType[]): Node | null {
    return this.any((node) => dtypes.includes(node.dtype))
  }

  constant(dtype: DType, shape: readonly number[]): Node {
    const size = shape.reduce((a, b) => a * b, 1)
    const one = this.tape.choose(3) === 0
    const pick = (): number => this.tape.of(dtype === 'f32' ? values : dtype === 'i32' ? wholes : [0, 1])
    const first = pick()
    return this.make('constant', [], { dtype, shape, values: Array.from({ length: size }, () => (one ? first : pick())) })!
  }

  /** A tensor of this very type: one that is there, a constant repeated, or an axis counted. */
  like(shape: readonly Dim[], dtype: DType): Node {
    const twin = this.any(
      (node) => node.dtype === dtype && node.shape.length === shape.length && node.shape.every((s, i) => s === shape[i]),
    )
    if (twin !== null && this.tape.choose(3) > 0) return twin
    const axes = shape.flatMap((size, axis) => (isConstant(size) && this.tape.choose(2) === 0 ? [axis] : []))
    return this.make(
      'broadcast',
      [
        this.constant(
          dtype,
          axes.map((axis) => constantValue(shape[axis])!),
        ),
      ],
      { shape, axes },
    )!
  }

  /** Indices below `below` of this shape. */
  ids(shape: readonly Dim[], below: Dim): Node | null {
    const most = constantValue(below) ?? 0
    const axis = shape.length - 1
    if (shape.length > 0 && shape[axis] === below && this.tape.choose(2) === 0) {
      return this.make('broadcast', [this.make('iota', [], { size: below })!], { shape, axes: [axis] })
    }
    const sizes = shape.map(constantValue)
    if (most === 0) return null
    const whole = sizes.every((size) => size !== undefined) ? sizes : []
    const count = whole.reduce((a, b) => a * b, 1)
    const constant = this.make('constant', [], {
      dtype: 'i32',
      shape: whole,
      values: Array.from({ length: count }, () => this.tape.choose(most)),
    })!
    return whole.length === shape.length ? constant : this.make('broadcast', [constant], { shape, axes: [] })
  }

  /** Indices below `below` of rows, some of them -1. */
  idsOrNone(rows: Dim, below: Dim): Node | null {
    const ids = this.ids([rows], below)
    if (ids === null || this.tape.choose(2) === 0) return ids
    const [one, zero] = [1, 0].map((value) => this.filled(rows, value))
    // an index is above 0 or not, whatever it was made of
    const some = this.make('less', [zero, ids], NONE)!
    return this.make('select', [some, ids, this.make('negate', [one], NONE)!], NONE)
  }

  filled(rows: Dim, value: number): Node {
    return this.make('broadcast', [this.make('constant', [], { dtype: 'i32', shape: [], values: [value] })!], {
      shape: [rows],
      axes: [],
    })!
  }

  grow(): void {
    const op = this.tape.of(GROWN)
    growers[op](this, op as never)
  }
}

const unary =
  (...dtypes: DType[]) =>
  (g: Grower, op: OpName): unknown => {
    const x = g.typed(...dtypes)
    return x && g.make(op, [x], NONE as never)
  }

const binary =
  (...dtypes: DType[]) =>
  (g: Grower, op: OpName): unknown => {
    const x = g.typed(...dtypes)
    if (x === null) return null
    const y = g.like(x.shape, x.dtype)
    return g.make(op, g.tape.choose(2) === 0 ? [x, y] : [y, x], NONE as never)
  }

const reduction = (g: Grower, op: OpName): unknown => {
  const x = g.any((node) => node.dtype !== 'bool' && node.shape.length > 0)
  return x && g.make(op, [x], { axis: g.tape.choose(x.shape.length) } as never)
}

function reshapeOf(g: Grower): unknown {
  const x = g.any(() => true)
  if (x === null) return null
  const flat = product(x.shape)
  const shapes: Dim[][] = [
    [flat],
    [dim(1), ...x.shape],
    [...x.shape, dim(1)],
    x.shape.filter((size) => size !== dim(1)),
    [...x.shape],
  ]
  if (x.shape.length >= 2) shapes.push([product(x.shape.slice(0, 2)), ...x.shape.slice(2)])
  return g.make('reshape', [x], { shape: g.tape.of(shapes) })
}

function shuffled(g: Grower, n: number): number[] {
  const rest = Array.from({ length: n }, (_, i) => i)
  return Array.from({ length: n }, () => rest.splice(g.tape.choose(rest.length), 1)[0])
}

function broadcastOf(g: Grower): unknown {
  const x = g.any((node) => node.shape.length < LONGEST)
  if (x === null) return null
  const shape: Dim[] = [...x.shape]
  const axes = x.shape.map((_, i) => i)
  const at = g.tape.choose(shape.length + 1)
  if (g.tape.choose(4) > 0) {
    shape.splice(at, 0, g.tape.of(SIZES))
    axes.forEach((axis, i) => (axes[i] = axis >= at ? axis + 1 : axis))
  }
  return g.make('broadcast', [x], { shape, axes })
}

function sliceOf(g: Grower): unknown {
  const x = g.any((node) => node.shape.length > 0)
  if (x === null) return null
  const parts = x.shape.map((extent) => {
    const size = constantValue(extent)
    if (size === undefined || size === 0 || g.tape.choose(2) === 0) return { start: dim(0), size: extent, step: 1 }
    const start = g.tape.choose(size)
    const step = 1 + g.tape.choose(2)
    return { start: dim(start), size: dim(1 + g.tape.choose(Math.ceil((size - start) / step))), step }
  })
  return g.make('slice', [x], {
    starts: parts.map((p) => p.start),
    sizes: parts.map((p) => p.size),
    steps: parts.map((p) => p.step),
  })
}

function concatOf(g: Grower): unknown {
  const x = g.any((node) => node.shape.length > 0)
  if (x === null) return null
  const axis = g.tape.choose(x.shape.length)
  const parts = Array.from({ length: g.tape.choose(3) }, () => g.like(x.shape.with(axis, g.tape.of(SIZES)), x.dtype))
  return g.make('concat', [x, ...parts], { axis })
}

function contractOf(g: Grower): unknown {
  const left = g.any((node) => node.dtype === 'f32' && node.shape.length <= 3)
  const right = g.any((node) => node.dtype === 'f32' && node.shape.length <= 3)
  if (left === null || right === null) return null
  const batch: [number, number][] = []
  const over: [number, number][] = []
  for (const j of shuffled(g, right.shape.length)) {
    const taken = [...batch, ...over].map(([i]) => i)
    const i = left.shape.findIndex((size, axis) => size === right.shape[j] && !taken.includes(axis))
    const use = g.tape.choose(4)
    if (i >= 0 && use > 0) (use === 1 ? batch : over).push([i, j])
  }
  const rank = left.shape.length + right.shape.length - batch.length - 2 * over.length
  return rank > LONGEST ? null : g.make('contract', [left, right], { batch, over })
}

function routedOf(g: Grower): Node | null {
  const x = g.any((node) => node.dtype === 'f32' && node.shape.length === 2 && isConstant(node.shape[1]))
  if (x === null) return null
  const name = `bank${g.tape.choose(2)}_${x.shape[1].key}`
  const bank = g.make('weight', [], weightParams(name, [dim(EXPERTS), g.tape.of([dim(2), dim(3)]), x.shape[1]], true, g.pool))
  const expert = routes(g, x.shape[0])
  return bank && expert && g.make('grouped_matmul', [x, bank, expert], NONE)
}

/** Experts of rows: of the best scores, or of any ids. */
function routes(g: Grower, rows: Dim): Node | null {
  const scores = g.any(
    (node) => isOp(node, 'top_k') && product(node.shape) === rows && constantValue(node.inputs[0].shape.at(-1)!) === EXPERTS,
  )
  if (scores !== null && g.tape.choose(4) > 0) return g.make('reshape', [scores], { shape: [rows] })
  return g.ids([rows], dim(EXPERTS))
}

/** One name is one weight: a second weight of it takes the first one's parameters. */
function weightParams(name: string, shape: readonly Dim[], stacked: boolean, pool: readonly Node[]): OpParams['weight'] {
  const known = pool.find((node) => isOp(node, 'weight') && node.params.name === name)
  if (known !== undefined) return known.params as OpParams['weight']
  const piece = (tensor: string, transpose: boolean) => ({
    tensor,
    slices: [{ kind: 'range', start: 0, stop: null, step: 2 } as const],
    transpose,
  })
  const pieces = stacked
    ? Array.from({ length: constantValue(shape[0])! }, (_, i) => piece(`${name}.${i}`, true))
    : [piece(name, false)]
  return { name, shape, source: { stacked, pieces }, doc: 'a "weight"' }
}

function orderOf(g: Grower): unknown {
  const matmul = routedOf(g)
  if (matmul === null) return null
  const [x, bank, expert] = matmul.inputs
  const ids =
    isOp(expert, 'reshape') && expert.inputs[0].shape.length === 2
      ? expert.inputs[0]
      : g.make('reshape', [expert], { shape: [expert.shape[0], dim(1)] })!
  const block = 2
  const counts = g.make('expert_histogram', [ids], { experts: EXPERTS, block })!
  const order = g.make('sort_by_expert', [ids, counts], { experts: EXPERTS, block, tile: 1 + g.tape.choose(3) })!
  return g.make('grouped_matmul', [x, bank, expert, order], NONE)
}

/**
 * Costs of moderate size, beyond which the order of additions shows, and of known size, so that one workgroup takes them in the
 * reference's order.
 */
function scaledOf(g: Grower): unknown {
  const x = g.any((node) => node.dtype === 'f32' && node.shape.length === 2 && node.shape.every(isConstant))
  const cost = x && g.make('tanh', [x], NONE)
  if (cost === null) return null
  const all = (axis: number, masses: readonly number[]): Node =>
    g.make('broadcast', [g.make('constant', [], { dtype: 'f32', shape: [], values: [g.tape.of(masses)] })!], {
      shape: [cost.shape[axis]],
      axes: [],
    })!
  return g.make('sinkhorn', [cost, all(0, [1, 0.5]), all(1, [1, 0.25, 3])], {
    iterations: g.tape.of([1, 3]),
    tolerance: g.tape.of([0, 1e-4]),
  })
}

const DTYPES: readonly DType[] = ['f32', 'i32', 'bool']

/** Every scalar operation, on operands of each dtype that it takes. */
const opcodes = Object.fromEntries([
  ...UNARY_OPCODES.map((op) => [op, unary(...DTYPES.filter((dtype) => unaryFunction(op, dtype)))]),
  ...BINARY_OPCODES.map((op) => [op, binary(...DTYPES.filter((dtype) => binaryFunction(op, dtype)))]),
]) as { readonly [O in UnaryOpcode | BinaryOpcode]: (g: Grower, op: O) => unknown }

const growers: { readonly [N in OpName]: (g: Grower, op: N) => unknown } = {
  input: (g) => {
    const dtype = g.tape.of<DType>(['f32', 'f32', 'i32', 'bool'])
    return g.make('input', [], { name: `in${g.pool.length}`, dtype, shape: g.shape(1 + g.tape.choose(3)) })
  },
  weight: (g) => {
    const shape = Array.from({ length: 1 + g.tape.choose(3) }, () => g.tape.of([dim(2), dim(3), dim(4)]))
    return g.make('weight', [], weightParams(`w${g.pool.length}`, shape, false, g.pool))
  },
  variable: () => null,
  constant: (g) => g.constant(g.tape.of<DType>(['f32', 'i32', 'bool']), g.tape.of([[], [1], [2], [3, 2]])),
  // what a split brings in has no place in a source
  load_time_constant: () => null,
  compute_at_load: () => null,
  iota: (g) => g.make('iota', [], { size: g.tape.of(SIZES) }),
  ...opcodes,
  cast_f16: () => null,
  stop_gradient: unary('f32', 'i32', 'bool'),
  cast: (g) => {
    const x = g.typed('f32', 'i32', 'bool')
    return x && g.make('cast', [x], { dtype: g.tape.of<DType>(['f32', 'i32', 'bool']) })
  },
  // x^2 is rounded anew: it has a test of its own
  power: (g) => {
    const x = g.typed('f32')
    return (
      x &&
      g.make(
        'power',
        [
          x,
          g.make('broadcast', [g.make('constant', [], { dtype: 'f32', shape: [], values: [g.tape.of([1, 0.5, 3])] })!], {
            shape: x.shape,
            axes: [],
          })!,
        ],
        NONE,
      )
    )
  },
  select: (g) => {
    const condition = g.typed('bool')
    if (condition === null) return null
    const then = g.like(condition.shape, g.tape.of<DType>(['f32', 'i32', 'bool']))
    return g.make('select', [condition, then, g.like(then.shape, then.dtype)], NONE)
  },
  reshape: reshapeOf,
  transpose: (g) => {
    const x = g.any((node) => node.shape.length > 0)
    return x && g.make('transpose', [x], { order: shuffled(g, x.shape.length) })
  },
  broadcast: broadcastOf,
  slice: sliceOf,
  concat: concatOf,
  optimization_barrier: unary('f32', 'i32', 'bool'),
  sum: reduction,
  max: reduction,
  min: reduction,
  contract: contractOf,
  take: (g) => {
    const table = g.any((node) => node.shape.length > 0 && node.shape.length < 3)
    const ids = table && g.ids(g.shape(g.tape.choose(3)), table.shape[0])
    return table && ids && g.make('take', [table, ids], NONE)
  },
  pick: (g) => {
    const x = g.any((node) => node.shape.length > 0)
    const chosen = x && g.any((node) => isOp(node, 'top_k') && sameShape(node.inputs[0].shape, x.shape))
    const ids = x && (chosen ?? g.ids(x.shape.with(-1, g.tape.of(SIZES)), x.shape.at(-1)!))
    return x && ids && g.make('pick', [x, ids], NONE)
  },
  top_k: (g) => {
    const x = g.any((node) => node.dtype !== 'bool' && node.shape.length > 0 && isConstant(node.shape.at(-1)!))
    return x && g.make('top_k', [x], { k: 1 + g.tape.choose(constantValue(x.shape.at(-1)!)!) })
  },
  grouped_matmul: routedOf,
  sinkhorn: scaledOf,
  sinkhorn_step: scaledOf,
  sinkhorn_finish: scaledOf,
  svd: () => null,
  // only behind a variable
  append: () => null,
  grouped_weight_gradient: (g) => {
    const x = g.any((node) => node.dtype === 'f32' && node.shape.length === 2)
    const y = x && g.any((node) => node.dtype === 'f32' && node.shape.length === 2 && node.shape[0] === x.shape[0])
    const expert = x && (g.tape.choose(2) === 0 ? routes(g, x.shape[0]) : g.idsOrNone(x.shape[0], dim(EXPERTS)))
    return x && y && expert && g.make('grouped_weight_gradient', [x, y, expert], { experts: EXPERTS })
  },
  segment_sum: (g) => {
    const x = g.any((node) => node.dtype === 'f32' && node.shape.length > 0 && node.shape.length < LONGEST)
    const size = g.tape.of([dim(1), dim(3), dim(5)])
    const ids = x && g.idsOrNone(x.shape[0], size)
    return x && ids && g.make('segment_sum', [x, ids], { size })
  },
  random: (g) => {
    const key = g.make('constant', [], { dtype: 'i32', shape: [2], values: [g.tape.choose(9999), g.tape.choose(9)] })
    return key && g.make('random', [key], { shape: g.shape(), stream: g.tape.choose(3) })
  },
  sinkhorn_gradient: () => null,
  attention: () => null,
  attention_lse: () => null,
  attention_query_gradient: () => null,
  attention_key_gradient: () => null,
  attention_value_gradient: () => null,
  position_in_expert: (g) => {
    const ids = g.ids([g.tape.of(SIZES)], dim(EXPERTS))
    return ids && g.make('position_in_expert', [ids], { experts: EXPERTS })
  },
  expert_histogram: orderOf,
  sort_by_expert: orderOf,
}

/**
 * Ops with tests of their own: the vectors of a decomposition, and what is rounded to f16, leap where an operand is rounded
 * otherwise; variables, which no lowered graph has.
 */
export const APART: ReadonlySet<OpName> = new Set<OpName>([
  'svd',
  'append',
  'variable',
  'compute_at_load',
  'cast_f16',
  'sinkhorn_gradient',
  'attention',
  'attention_lse',
  'attention_query_gradient',
  'attention_key_gradient',
  'attention_value_gradient',
])

/** Only what a lowered graph holds; `sort_by_expert` and `expert_histogram` come from passes. */
const GROWN = (Object.keys(growers) as OpName[]).filter((op) => records[op].since === 'source' && !APART.has(op))

const product1 = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

/** Ordinary numbers, with some 0, -0 and 1 among them. */
function randomTensor(tape: Tape, shape: readonly number[], dtype: DType): HostTensor {
  const sample = { f32: values, i32: wholes, bool: [0, 1] }[dtype]
  return hostTensor(
    shape,
    dtype,
    Float64Array.from({ length: product1(shape) }, (_, i) => sample[(tape.choose(97) * 31 + i * 7) % sample.length]),
  )
}

const feedsText = ({ inputs, weights }: Feeds): string =>
  Object.entries({ ...inputs, ...weights })
    .map(([name, { shape, values }]) => `# ${name} [${shape.join(', ')}] = ${values.join(' ')}\n`)
    .join('')

function finish(g: Grower): Sample {
  // every dim is bound by an input
  g.make('input', [], { name: 'sizes', dtype: 'f32', shape: SYMBOLS.map(symbol) })
  const leaves = g.pool.filter((node) => isOp(node, 'input'))
  const outputs = g.pool.slice(-4).map((node, i) => ({ name: `out${i}`, node, doc: i === 0 ? 'the "first"' : '' }))
  const weights = reachable(outputs.map(({ node }) => node)).filter((node) => isOp(node, 'weight'))
  const feed = (node: Node): HostTensor =>
    randomTensor(
      g.tape,
      node.shape.map((size) => sizeOf(size, g.sizes)),
      node.dtype,
    )
  const sample = {
    graph: {
      name: 'random',
      doc: 'a graph\nof chance',
      dims: SYMBOLS.map((name) => ({ name, doc: '' })),
      inputs: leaves,
      outputs,
      docs: { B: 'batch' },
    },
    feeds: {
      inputs: Object.fromEntries(leaves.map((node) => [node.params.name, feed(node)])),
      weights: Object.fromEntries(weights.map((node) => [node.params.name, feed(node)])),
    },
  }
  return { ...sample, [fc.toStringMethod]: () => `\n${print(sample.graph)}${feedsText(sample.feeds)}` }
}

export function graphFrom(choices: readonly number[]): Sample {
  const g = new Grower(new Tape(choices))
  growers.input(g, 'input')
  growers.input(g, 'input')
  while (g.tape.left) g.grow()
  return finish(g)
}

export const samples = (steps = 160): fc.Arbitrary<Sample> =>
  fc.array(fc.nat({ max: 9999 }), { minLength: 20, maxLength: steps, size: 'max' }).map(graphFrom)

/** The same tensors bit for bit; any NaN is NaN. */
export const sameBits = (a: HostTensor, b: HostTensor): boolean =>
  a.dtype === b.dtype &&
  a.shape.join() === b.shape.join() &&
  a.values.length === b.values.length &&
  a.values.every((value, i) => Object.is(value, b.values[i]))
