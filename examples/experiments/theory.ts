/**
 * The theory's own setting: samples of a known mixture of regressions whose experts all answer, weighed by their responses
 * (competition) or by a softmax of their own (a router). The same mixture is fitted by least squares, from the neighbourhood of
 * the truth; printed is how far the fitted experts are from the true ones against the number of samples.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createLoader } from '../../cli/load.ts'
import { processTerminal } from '../../cli/terminal.ts'
import { lower } from '../../compiler/lower/lower.ts'
import { check } from '../../compiler/model/check.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { hostTensor } from '../../compiler/reference/tensor.ts'
import { trainingPlans } from '../../compiler/train.ts'
import { parse } from '../../grammar/parse.ts'
import { openDevice } from '../../runtime/node/index.ts'
import type { Device } from '../../runtime/device.ts'
import { createDeviceMachine } from '../../training/device-machine.ts'
import { learningRateFactor } from '../../training/schedule/learning-rate.ts'
import { graphsOf, mean } from './learn.ts'
import { normals as normalNumbers } from './normals.ts'
import { plot, slopeOf, type Point, type Series } from './plot.ts'
import { table } from './tables.ts'

/** Widths of a sample and of the answer, and experts of the truth. */
const [D, E] = [4, 3]
const NOISE = 0.03
/** Deviation of each number of the start from the truth. */
const START = 0.15
const RATE = 0.01

const WAYS = {
  competition: `policy way(k: int in 1..E = 2) {
  let response = mean(softplus(experts(x)))
  select top k by response
  let w = pick(response, selected)
  weigh w / sum(w, keep = true)
}`,
  softmax: `policy way(k: int in 1..E = 2) {
  param gate: f32[E, D]
  select top k by softmax(x @ gate.T)
  weigh pick(softmax(x @ gate.T), selected)
}`,
} as const

type Way = keyof typeof WAYS

const specOf = (way: Way, samples: number): string => `
expert affine(x: f32[T, D]) -> f32[T, D] {
  param matrix: f32[D, D]
  param offset: f32[D]
  return x @ matrix.T + offset
}
${WAYS[way]}
model mixture(D: int = ${D}, E: int = ${E}) {
  input x: f32[N, D]
  output y: f32[N, D] = moe(x) {
    experts E of affine()
    route way(k = E)
  }
  train {
    input target: f32[N, D]
    let miss = y - target
    loss square = mean(mean(miss * miss))
    optimiser adam(rate = ${RATE})
    schedule cosine(final = 0.001)
    batch N = ${samples}
  }
}
`

interface Numbers {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/** Normal numbers, counted from the seed. */
function normals(seed: number, what: string, shape: readonly number[], scale: number): Numbers {
  const count = shape.reduce((all, size) => all * size, 1)
  return { shape, data: Float32Array.from(normalNumbers(seed, what, count, scale)) }
}

const plus = (a: Numbers, b: Numbers): Numbers => ({ shape: a.shape, data: a.data.map((value, at) => value + b.data[at]) })

type Weights = Readonly<Record<string, Numbers>>

const shapesOf = (way: Way): Readonly<Record<string, readonly number[]>> => ({
  'moe.experts.matrix': [E, D, D],
  'moe.experts.offset': [E, D],
  ...(way === 'softmax' ? { 'moe.router.gate': [E, D] } : {}),
})

const truthOf = (way: Way, seed: number): Weights =>
  Object.fromEntries(Object.entries(shapesOf(way)).map(([name, shape]) => [name, normals(seed, `${name} truth`, shape, 1)]))

/** What the mixture says, without noise. */
function answersOf(way: Way, truth: Weights, x: Numbers): Float64Array {
  const { model } = check(parse({ path: 'mixture.smoe', text: specOf(way, x.shape[0]) }).file, {
    load: createLoader(processTerminal()),
  })
  const host = ({ shape, data }: Numbers) => hostTensor(shape, 'f32', Float64Array.from(data))
  const weights = Object.fromEntries(Object.entries(truth).map(([name, value]) => [name, host(value)]))
  return evaluate(lower(model!), { inputs: { x: host(x) }, weights }).y.values
}

/** Beside the truth, by a distance that is no less where there are more samples. */
const startOf = (truth: Weights, seed: number): Weights =>
  Object.fromEntries(
    Object.entries(truth).map(([name, value]) => [name, plus(value, normals(seed, `${name} start`, value.shape, START))]),
  )

/** Root of the mean, over the experts, of the square of what one misses on samples x ~ N(0, 1), a number of the answer. */
function errorOf(found: Readonly<Record<string, { readonly data: ArrayLike<number> }>>, truth: Weights): number {
  const squares = ['moe.experts.matrix', 'moe.experts.offset'].flatMap((name) =>
    [...truth[name].data].map((value, at) => (value - found[name].data[at]) ** 2),
  )
  return Math.sqrt(squares.reduce((all, one) => all + one, 0) / (E * D))
}

/** A fit for each seed, by one machine. */
async function recover(
  device: Device,
  way: Way,
  samples: number,
  steps: number,
  seeds: readonly number[],
): Promise<readonly number[]> {
  const graphs = graphsOf(specOf(way, samples), steps, 0)
  const machine = createDeviceMachine(device, trainingPlans(graphs, device.target))
  const zeros = Object.fromEntries(
    Object.entries(await machine.read()).map(([name, { shape, data }]) => [name, { shape, data: new Float32Array(data.length) }]),
  )
  const errors: number[] = []
  for (const seed of seeds) {
    const truth = truthOf(way, seed)
    const x = normals(seed, `x ${samples}`, [samples, D], 1)
    const noise = normals(seed, `noise ${samples}`, [samples, D], NOISE)
    const inputs = {
      x,
      target: { shape: x.shape, data: Float32Array.from(answersOf(way, truth, x), (value, at) => value + noise.data[at]) },
    }
    await machine.write({ ...zeros, ...startOf(truth, seed) })
    for (let step = 0; step < steps; step++) {
      await machine.step([], inputs)
      await machine.update({
        learningRate: graphs.recipe.optimiser.rate * learningRateFactor(graphs.recipe.schedule, step, steps),
        update: step + 1,
        lossScale: 1,
      })
    }
    errors.push(errorOf(await machine.read(), truth))
  }
  machine.dispose()
  return errors
}

const { values } = parseArgs({
  options: {
    device: { type: 'string', default: 'auto' },
    steps: { type: 'string', default: '3000' },
    seeds: { type: 'string', default: '3' },
    most: { type: 'string', default: '8192' },
    plot: { type: 'string' },
  },
})
const steps = Number(values.steps)
const seeds = Array.from({ length: Number(values.seeds) }, (_, at) => at + 1)
const sizes = [64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384].filter((size) => size <= Number(values.most))
const device = await openDevice({ choose: values.device })
process.stdout.write(
  `adapter: ${device.choice.name}; ${steps} steps of all samples; seeds ${seeds.join(', ')}; noise ${NOISE}, start ${START} from the truth\n\n`,
)
const series: (Series & { readonly slope: number })[] = []
for (const way of Object.keys(WAYS) as Way[]) {
  const points: Point[] = []
  for (const samples of sizes) {
    const errors = await recover(device, way, samples, steps, seeds)
    process.stderr.write(`${way}, ${samples}: ${errors.map((error) => error.toFixed(4)).join(' ')}\n`)
    points.push({ x: samples, y: mean(errors), low: Math.min(...errors), high: Math.max(...errors) })
  }
  series.push({ name: way, points, slope: slopeOf(points) })
}
device.dispose()
process.stdout.write(
  table(
    ['samples', ...series.map(({ name }) => name)],
    [
      ...sizes.map((samples, at) => [
        String(samples),
        ...series.map(
          ({ points }) => `${points[at].y.toFixed(4)} (${points[at].low.toFixed(4)} to ${points[at].high.toFixed(4)})`,
        ),
      ]),
      ['slope', ...series.map(({ slope }) => slope.toFixed(2))],
    ],
  ),
)
if (values.plot !== undefined) {
  const named = series.map(({ name, points, slope }) => ({ name: `${name}, slope ${slope.toFixed(2)}`, points }))
  writeFileSync(
    join(values.plot, 'experts-found.svg'),
    plot({ title: 'Error of the experts', x: 'samples', y: 'root mean square error', scale: 'log', series: named }),
  )
}
