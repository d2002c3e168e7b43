/** Transport problems: golden ones, random ones, the graph that solves them, and how far an answer is from its marginals. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { dim, type DimLike } from '../../plan/dim.ts'
import type { Graph, Node } from '../../compiler/graph/node.ts'
import { createBuilder, NO_ORIGIN } from '../../compiler/ops/build.ts'
import { hostTensor, type HostTensor } from '../../compiler/ops/tensor.ts'
import { readSafetensors } from './safetensors.ts'
import { root } from './sources.ts'

export interface Problem {
  /** [T, E] */
  readonly cost: HostTensor
  readonly rows: HostTensor
  readonly columns: HostTensor
}

export interface Solving {
  readonly iterations: number
  readonly tolerance: number
}

const f32 = (shape: readonly number[], values: ArrayLike<number>): HostTensor =>
  hostTensor(shape, 'f32', Float64Array.from(values, Math.fround))

/** One output `y`, the scalings with what follows them; a dim given by name is open. */
export function scalingGraph(tokens: DimLike, columns: DimLike, params: Solving): Graph {
  const builder = createBuilder()
  const input = (name: string, ...shape: DimLike[]) =>
    builder.make('input', [], { name, dtype: 'f32', shape: shape.map(dim) }, NO_ORIGIN) as Graph['inputs'][number]
  const inputs = [input('cost', tokens, columns), input('rows', tokens), input('columns', columns)]
  const node = builder.make('sinkhorn', inputs, params, NO_ORIGIN) as Node
  const dims = [tokens, columns].flatMap((size) => (typeof size === 'string' ? [{ name: size, doc: '' }] : []))
  return { name: 'scalings', doc: '', dims, inputs, outputs: [{ name: 'y', node, doc: '' }], docs: {} }
}

/** The same with a cotangent of v among its inputs, and the gradients as its output `y`. */
export function gradientGraph(tokens: DimLike, columns: number, params: Solving): Graph {
  const builder = createBuilder()
  const input = (name: string, ...shape: DimLike[]) =>
    builder.make('input', [], { name, dtype: 'f32', shape: shape.map(dim) }, NO_ORIGIN) as Graph['inputs'][number]
  const inputs = [
    input('cost', tokens, columns),
    input('rows', tokens),
    input('columns', columns),
    input('cotangent', columns + 2),
  ]
  const node = builder.make('sinkhorn_gradient', inputs, params, NO_ORIGIN) as Node
  return {
    name: 'gradients',
    doc: '',
    dims: typeof tokens === 'string' ? [{ name: tokens, doc: '' }] : [],
    inputs,
    outputs: [{ name: 'y', node, doc: '' }],
    docs: {},
  }
}

export const feedsOf = ({ cost, rows, columns }: Problem) => ({ inputs: { cost, rows, columns }, weights: {} })

/**
 * Scores near `scale` times the normal. Where the marginals are not even they are random, each up to twice the mean, with as much
 * mass on both sides.
 */
export function randomProblem(tokens: number, width: number, scale: number, even: boolean, next: () => number): Problem {
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
  const cost = f32(
    [tokens, width],
    Array.from({ length: tokens * width }, () => scale * normal()),
  )
  const masses = (count: number): number[] => Array.from({ length: count }, () => (even ? 1 : 0.1 + 1.9 * next()))
  const rows = f32([tokens], masses(tokens))
  const shares = masses(width)
  const total = rows.values.reduce((a, b) => a + b, 0) / shares.reduce((a, b) => a + b, 0)
  return {
    cost,
    rows,
    columns: f32(
      [width],
      shares.map((share) => share * total),
    ),
  }
}

/** Root of the mean square of what the columns miss in the plan whose rows are exact, worked out in f64. */
export function missed({ cost, rows, columns }: Problem, logV: ArrayLike<number>): number {
  const [tokens, width] = cost.shape
  const sums = new Float64Array(width)
  for (let t = 0; t < tokens; t++) {
    const scores = Array.from({ length: width }, (_, e) => cost.values[t * width + e] + logV[e])
    const most = scores.reduce((a, b) => Math.max(a, b))
    const masses = scores.map((score) => Math.exp(score - most))
    const all = masses.reduce((a, b) => a + b, 0)
    masses.forEach((mass, e) => (sums[e] += (rows.values[t] * mass) / all))
  }
  return Math.sqrt(sums.reduce((all, sum, e) => all + (sum - columns.values[e]) ** 2, 0) / width)
}

const meanMass = ({ columns }: Problem): number =>
  Math.sqrt(columns.values.reduce((all, mass) => all + mass * mass, 0) / columns.values.length)

/** What a device may miss: the tolerance, and what f32 does not resolve of the marginals. */
export const allowed = (problem: Problem, tolerance: number): number =>
  Math.max(tolerance, 2 ** -20 * meanMass(problem)) + 2 ** -20 * meanMass(problem)

export interface Golden {
  readonly name: string
  readonly problem: Problem
  readonly params: Solving
  /** log_v, hist_log_v, hist_col_err, topk_idx, alpha. */
  readonly tensors: Readonly<Record<string, HostTensor>>
}

const folder = join(root, 'test/fixtures/golden/ssr')

/**
 * The files of a precision. Their cost is not yet divided by xi, and they stop at the norm of the residual, not at its root mean
 * square.
 */
export function goldenProblems(precision: 'f32' | 'f64'): readonly Golden[] {
  const ending = `_${precision}.safetensors`
  return readdirSync(folder)
    .filter((file) => /^(softmax|linear)_/.test(file) && file.endsWith(ending))
    .sort()
    .map((file) => {
      const tensors = readSafetensors(join(folder, file))
      const [tokens, width] = tensors.cost.shape
      const xi = Number(/xi([\d.]+?)_/.exec(file)![1])
      const scaled = tensors.cost.values.map((cost) => cost / xi)
      return {
        name: file.slice(0, -ending.length),
        problem: {
          cost: precision === 'f32' ? f32([tokens, width], scaled) : hostTensor([tokens, width], 'f32', scaled),
          rows: f32([tokens], new Array<number>(tokens).fill(1)),
          columns: f32([width], new Array<number>(width).fill(tokens / width)),
        },
        params: { iterations: 100, tolerance: 1e-4 / Math.sqrt(width) },
        tensors,
      }
    })
}

export interface Choice {
  readonly chosen: readonly number[]
  readonly alpha: readonly number[]
  /** How far the last that is chosen is above the first that is not. */
  readonly gap: number
}

/** Of a token: the k best by score, what they weigh among themselves. */
export function choose(scores: readonly number[], k: number): Choice {
  const order = scores.map((_, e) => e).sort((a, b) => scores[b] - scores[a] || a - b)
  const chosen = order.slice(0, k)
  const masses = chosen.map((e) => Math.exp(scores[e] - scores[order[0]]))
  const all = masses.reduce((a, b) => a + b, 0)
  return { chosen, alpha: masses.map((mass) => mass / all), gap: scores[order[k - 1]] - scores[order[k]] }
}

/** Largest difference of two arrays. */
export const apart = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(b, (value, i) => Math.abs(value - a[i])))
