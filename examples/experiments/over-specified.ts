/**
 * Mixtures with more experts than are true, fitted by least squares in f64 to samples of a known mixture: by competition, where
 * each expert has a mass, and by a softmax router, where each has a bias. Printed is how fast the regression, experts alone in
 * their cell and experts that share one come near to the truth. Results are kept by seed, and a command that is stopped goes on
 * from there: two with different seeds share two cores.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { stream } from '../../training/random.ts'
import { bootstrap, meanText } from './bootstrap.ts'
import { mean } from './learn.ts'
import { cellErrors, type CellErrors } from './over-specified/cells.ts'
import { fit, lossOf, type Fit, type Samples } from './over-specified/fit.ts'
import { answerOf, D, isUsed, MASS, WIDTH, type Kind, type Mixture, type Way } from './over-specified/mixture.ts'
import { normals } from './normals.ts'
import { plot, slopeOf, type Series } from './plot.ts'
import { appendResult, readResults } from './results.ts'
import { table } from './tables.ts'

/** Deviation of the noise on an answer; of each number of the truth; and of a start from a truth whose experts are split. */
const [NOISE, SCALE, BESIDE] = [0.1, 1.5, 0.15]

/** Samples without noise on which a regression is judged. */
const JUDGED = 4096

const WAYS = ['competition', 'softmax'] as const satisfies readonly Way[]
const MEASURES = ['regression', 'alone', 'shared', 'voronoi'] as const

type Measure = (typeof MEASURES)[number]

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    kind: { type: 'string', default: 'affine' },
    true: { type: 'string', default: '2' },
    more: { type: 'string', default: '2' },
    first: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '20' },
    starts: { type: 'string', default: '8' },
    most: { type: 'string', default: '16384' },
    data: { type: 'string', default: 'own' },
    plot: { type: 'string' },
  },
})
if (values.out === undefined) throw new Error('--out FOLDER is needed')
const kind = values.kind as Kind
const [trueExperts, more, starts, most] = [values.true, values.more, values.starts, values.most].map(Number)
const sizes = Array.from({ length: 8 }, (_, at) => 2 ** (7 + at)).filter((size) => size <= most)
const setting = `${trueExperts} true ${kind} experts; noise ${NOISE}; the best of ${starts} starts`

/** One fit. The truth, the samples and the random starts of a seed are the same for every number of experts. */
interface Result extends CellErrors {
  readonly setting: string
  readonly seed: number
  /** Of the samples, and of the model. */
  readonly data: Way
  readonly way: Way
  readonly experts: number
  readonly samples: number
  readonly regression: number
  readonly gradient: number
  readonly iterations: number
}

/** Parameters of a mixture at random: masses differ less than what experts answer. */
function drawn(mixture: Mixture, seed: number, what: string): Float64Array {
  return normals(seed, what, mixture.experts * WIDTH, SCALE).map((value, place) =>
    !isUsed(mixture, place) ? 0 : place % WIDTH === MASS ? value / 3 : value,
  )
}

function samplesOf(mixture: Mixture, truth: Float64Array, seed: number, count: number, what: string, noise: number): Samples {
  const x = normals(seed, `${what} x`, count * D, 1)
  const answer = answerOf(mixture)
  const y = normals(seed, `${what} noise`, count, noise).map((value, at) => value + answer(truth, x, at * D))
  return { x, y }
}

/** The truth with as many experts as are wanted, two for some of its own, beside itself. */
function split(mixture: Mixture, truth: Float64Array, seed: number, what: string): Float64Array {
  const chance = stream(seed, 'shuffle', what)
  const copies = Array.from({ length: mixture.experts }, (_, j) => (j < trueExperts ? j : chance.below(j, trueExperts)))
  const beside = normals(seed, `${what} beside`, mixture.experts * WIDTH, BESIDE)
  return Float64Array.from({ length: mixture.experts * WIDTH }, (_, place) => {
    if (!isUsed(mixture, place)) return 0
    const of = copies[Math.floor(place / WIDTH)]
    const shares = copies.filter((copy) => copy === of).length
    return truth[of * WIDTH + (place % WIDTH)] - (place % WIDTH === MASS ? Math.log(shares) : 0) + beside[place]
  })
}

/** The fit of the least loss: half of the starts are at random; the others are beside the truth, where the model contains it. */
function bestFit(mixture: Mixture, truth: Float64Array | null, samples: Samples, seed: number): Fit {
  const fits = Array.from({ length: starts }, (_, at) => {
    const what = `start ${at}`
    const isRandom = truth === null || at % 2 === 0
    return fit(mixture, isRandom ? drawn(mixture, seed, what) : split(mixture, truth, seed, what), samples)
  })
  return fits.reduce((best, one) => (one.loss < best.loss ? one : best))
}

const RESULTS = join(values.out, 'fits.jsonl')

const results = (): readonly Result[] => readResults<Result>(RESULTS).filter((result) => result.setting === setting)

const isOf = (a: Result, b: Pick<Result, 'seed' | 'data' | 'way' | 'experts' | 'samples'>): boolean =>
  a.seed === b.seed && a.data === b.data && a.way === b.way && a.experts === b.experts && a.samples === b.samples

function run(seed: number, data: Way, way: Way, experts: number): void {
  const source: Mixture = { way: data, kind, experts: trueExperts }
  const mixture: Mixture = { way, kind, experts }
  const truth = drawn(source, seed, `truth of ${data}`)
  const judged = samplesOf(source, truth, seed, JUDGED, 'judged', 0)
  for (const count of sizes) {
    const key = { seed, data, way, experts, samples: count }
    if (results().some((result) => isOf(result, key))) continue
    const samples = samplesOf(source, truth, seed, count, `samples ${count}`, NOISE)
    const { parameters, gradient, iterations } = bestFit(mixture, data === way ? truth : null, samples, seed)
    const regression = Math.sqrt(lossOf(mixture, parameters, judged))
    const result: Result = { setting, ...key, regression, ...cellErrors(parameters, truth), gradient, iterations }
    appendResult(RESULTS, result)
  }
}

/** By seed, the slope of the logarithm of an error over that of the samples; of seeds that have it for three sizes or more. */
function slopes(all: readonly Result[], measure: Measure): ReadonlyMap<number, number> {
  const found = new Map<number, number>()
  for (const seed of new Set(all.map((result) => result.seed))) {
    const points = all.flatMap((result) => {
      const y = result[measure]
      return result.seed === seed && y !== null && y > 0 ? [{ x: result.samples, y, low: y, high: y }] : []
    })
    if (points.length >= 3) found.set(seed, slopeOf(points))
  }
  return found
}

const wanted = Array.from({ length: Number(values.seeds) }, (_, at) => Number(values.first) + at)
const models = Array.from({ length: more + 1 }, (_, at) => trueExperts + at)
const pairs = WAYS.flatMap((way) => (values.data === 'own' ? [way] : WAYS).map((data) => ({ way, data })))
mkdirSync(values.out, { recursive: true })
const began = performance.now()
wanted.forEach((seed, at) => {
  for (const { way, data } of pairs) for (const experts of models) run(seed, data, way, experts)
  const left = ((performance.now() - began) / (at + 1)) * (wanted.length - at - 1)
  process.stderr.write(`seed ${seed} of ${wanted.join(', ')}; about ${Math.ceil(left / 60_000)} minutes left\n`)
})

const all = results()
const seeds = [...new Set(all.map(({ seed }) => seed))].sort((a, b) => a - b)
process.stdout.write(`${setting}; seeds ${seeds.join(', ')}; 95% intervals of the bootstrap over seeds\n`)
for (const data of WAYS) {
  for (const experts of models) {
    const of = (way: Way): readonly Result[] =>
      all.filter((result) => result.data === data && result.way === way && result.experts === experts)
    const ways = WAYS.filter((way) => of(way).length > 0)
    if (ways.length === 0) continue
    const rows = ways.flatMap((way) =>
      MEASURES.flatMap((measure) => {
        const found = slopes(of(way), measure)
        const last = of(way).flatMap((result) =>
          result.samples === sizes.at(-1) && result[measure] !== null ? [result[measure]] : [],
        )
        if (found.size === 0 || last.length === 0) return []
        const each = [...found.values()]
        return [[way, measure, String(found.size), meanText(each, 2), meanText(last, 4)]]
      }),
    )
    const converged = of(ways[0])
      .concat(ways[1] === undefined ? [] : of(ways[1]))
      .filter(({ gradient }) => gradient <= 1e-8)
    const fits = ways.reduce((sum, way) => sum + of(way).length, 0)
    process.stdout.write(
      `\ndata of ${data}, ${experts} experts fitted; ${converged.length} of ${fits} fits reach a gradient of 1e-8\n\n`,
    )
    process.stdout.write(table(['model', 'error', 'seeds', 'slope', `at ${sizes.at(-1)} samples`], rows))
  }
}
if (values.plot !== undefined) {
  const series = WAYS.map((way): Series => {
    const points = sizes.map((samples) => {
      const errors = all.flatMap((result) =>
        result.data === way &&
        result.way === way &&
        result.experts === trueExperts + 1 &&
        result.samples === samples &&
        result.shared !== null
          ? [result.shared]
          : [],
      )
      return { x: samples, y: mean(errors), ...bootstrap(errors) }
    })
    return { name: way, points }
  })
  writeFileSync(
    join(values.plot, 'experts-that-share-a-cell.svg'),
    plot({ title: 'Error of experts that share a cell', x: 'samples', y: 'root mean square error', scale: 'log', series }),
  )
}
