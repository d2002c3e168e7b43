/**
 * The theory's own setting: samples of a known mixture of regressions, two of four affine experts a sample. The experts are found again by competition and by
 * a learned softmax router, each on data of its own kind and from the same distance; printed is the error of the experts against the number of samples.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { createLoader } from '../../cli/load.ts'
import { processTerminal } from '../../cli/terminal.ts'
import { lower } from '../../compiler/lower/lower.ts'
import { check } from '../../compiler/model/check.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { hostTensor } from '../../compiler/reference/tensor.ts'
import { parse } from '../../grammar/parse.ts'
import { createReferenceMachine } from '../../cli/training/reference-machine.ts'
import { rateFactor } from '../../training/schedule/rate.ts'
import { stream } from '../../training/random.ts'
import { graphsOf, mean } from './learn.ts'
import { plot, slopeOf, type Series } from './plot.ts'

const [D, E] = [4, 4]
const NOISE = 0.1
const START = 0.1

const WAYS = {
  competition: `policy way(k: int in 1..E = 2) {
  let response = mean(softplus(experts(x)))
  select top k by response
  let w = pick(response, selected)
  weigh w / sum(w, keep = true)
}`,
  softmax: `policy way(k: int in 1..E = 2) {
  param gate: f32[E, D]
  let p = softmax(x @ gate.T)
  select top k by p
  let w = pick(p, selected)
  weigh w / sum(w, keep = true)
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
    route way(k = 2)
  }
  train {
    input target: f32[N, D]
    let miss = y - target
    loss square = mean(mean(miss * miss))
    optimiser adam(rate = 0.002)
    schedule cosine(final = 0.01)
    batch N = ${samples}
  }
}
`

interface Numbers {
  readonly shape: readonly number[]
  readonly data: Float64Array
}

/** Normal numbers, counted from the seed. */
function normals(seed: number, what: string, shape: readonly number[], scale: number): Numbers {
  const chance = stream(seed, 'weights', what)
  const count = shape.reduce((all, size) => all * size, 1)
  const data = Float64Array.from({ length: count }, (_, at) => scale * Math.sqrt(-2 * Math.log(chance.uniform(2 * at))) * Math.cos(2 * Math.PI * chance.uniform(2 * at + 1)))
  return { shape, data }
}

const plus = (a: Numbers, b: Numbers): Numbers => ({ shape: a.shape, data: a.data.map((value, at) => value + b.data[at]) })

/**
 * Root of the mean square of what an expert misses on inputs x ~ N(0, 1), a mean over experts by the share of the samples that they answer in the truth: of an
 * expert that answers nobody, nothing can be learned.
 */
function errorOf(found: Readonly<Record<string, { readonly data: ArrayLike<number> }>>, truth: Readonly<Record<string, Numbers>>, shares: readonly number[]): number {
  const missed = shares.map((share, e) => {
    const squares = ['moe.experts.matrix', 'moe.experts.offset'].map((name) => {
      const width = truth[name].data.length / E
      return truth[name].data.slice(e * width, (e + 1) * width).reduce((sum, value, at) => sum + (found[name].data[e * width + at] - value) ** 2, 0)
    })
    return (share * (squares[0] + squares[1])) / D
  })
  return Math.sqrt(missed.reduce((all, one) => all + one, 0))
}

async function recover(way: Way, samples: number, steps: number, seed: number): Promise<number> {
  const graphs = graphsOf(specOf(way, samples), steps, seed)
  const truth: Record<string, Numbers> = {}
  for (const { name, shape } of graphs.recipe.weights) truth[name] = normals(seed, `${name} truth`, shape, 1)
  const machine = createReferenceMachine(graphs)
  const x = normals(seed, `x ${samples}`, [samples, D], 1)
  const inputs = { x: { shape: x.shape, data: Float32Array.from(x.data) }, target: { shape: x.shape, data: new Float32Array(samples * D) } }
  await machine.write(truth)
  const { clean, shares } = answersOf(way, samples, truth, inputs.x)
  const noise = normals(seed, `noise ${samples}`, [samples, D], NOISE)
  inputs.target.data.set(clean.map((value, at) => value + noise.data[at]))
  await machine.write(Object.fromEntries(Object.entries(truth).map(([name, value]) => [name, plus(value, normals(seed, `${name} start`, value.shape, START))])))
  for (let step = 0; step < steps; step++) {
    await machine.step([], inputs)
    await machine.update({ rate: graphs.recipe.optimiser.rate * rateFactor(graphs.recipe.schedule, step, steps), update: step + 1 })
  }
  return errorOf(await machine.read(), truth, shares)
}

interface Answers {
  readonly clean: Float64Array
  readonly shares: readonly number[]
}

/** What the mixture itself says, without noise, and what share of the slots each expert answers. */
function answersOf(way: Way, samples: number, truth: Readonly<Record<string, Numbers>>, x: { readonly shape: readonly number[]; readonly data: Float32Array }): Answers {
  const { model } = check(parse({ path: 'mixture.smoe', text: specOf(way, samples) }).file, { load: createLoader(processTerminal()) })
  const weights = Object.fromEntries(Object.entries(truth).map(([name, { shape, data }]) => [name, hostTensor(shape, 'f32', data)]))
  const { y, 'moe.selected': selected } = evaluate(lower(model!, { routes: true }), { inputs: { x: hostTensor(x.shape, 'f32', Float64Array.from(x.data)) }, weights })
  return { clean: y.values, shares: Array.from({ length: E }, (_, e) => selected.values.filter((id) => id === e).length / selected.values.length) }
}

const { values } = parseArgs({ options: { steps: { type: 'string', default: '400' }, seeds: { type: 'string', default: '3' }, most: { type: 'string', default: '4096' }, plot: { type: 'string' } } })
const steps = Number(values.steps)
const seeds = Array.from({ length: Number(values.seeds) }, (_, at) => at + 1)
const sizes = [64, 128, 256, 512, 1024, 2048, 4096, 8192].filter((size) => size <= Number(values.most))
const series: Series[] = []
const slopes: number[] = []
process.stdout.write(`f64 reference; ${steps} steps of all samples; seeds ${seeds.join(', ')}; noise ${NOISE}, start ${START} from the truth\n\n| samples | ${Object.keys(WAYS).join(' | ')} |\n| --- | --- | --- |\n`)
for (const way of Object.keys(WAYS) as Way[]) {
  const points = []
  for (const samples of sizes) {
    const errors: number[] = []
    for (const seed of seeds) errors.push(await recover(way, samples, steps, seed))
    process.stderr.write(`${way} ${samples}: ${errors.map((error) => error.toFixed(4)).join(' ')}\n`)
    points.push({ x: samples, y: mean(errors), low: Math.min(...errors), high: Math.max(...errors) })
  }
  slopes.push(slopeOf(points))
  series.push({ name: `${way}, slope ${slopes.at(-1)!.toFixed(2)}`, points })
}
for (const [at, samples] of sizes.entries()) {
  process.stdout.write(`| ${samples} | ${series.map(({ points }) => `${points[at].y.toFixed(4)} (${points[at].low.toFixed(4)} to ${points[at].high.toFixed(4)})`).join(' | ')} |\n`)
}
process.stdout.write(`| slope | ${slopes.map((slope) => slope.toFixed(2)).join(' | ')} |\n`)
if (values.plot !== undefined) writeFileSync(values.plot, plot({ title: 'Error of the experts', x: 'samples', y: 'root mean square error', scale: 'log', series }))
