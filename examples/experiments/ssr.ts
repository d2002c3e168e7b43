/**
 * SSR over the share of balanced steps, with and without noise, in a small language model of characters that has no loss for
 * balance: the load of experts at inference on held-out text, and the cross-entropy, beside Switch's loss and DeepSeek's bias.
 * Seeds share data order and start across routings, so that differences are paired. Results are kept by seed, and a command
 * that is stopped goes on from there: two with different seeds share two cores.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { trainingPlans } from '../../compiler/train.ts'
import type { Device } from '../../runtime/device.ts'
import { openDevice } from '../../runtime/node/index.ts'
import { averageMetrics } from '../../training/batch-metrics.ts'
import { orderedBatches } from '../../training/data/batches.ts'
import type { Data } from '../../training/data/data.ts'
import { fit } from '../../training/data/fit.ts'
import { split } from '../../training/data/split.ts'
import { createDeviceMachine } from '../../training/device-machine.ts'
import { readData } from '../../training/files/data.ts'
import { train } from '../../training/loop.ts'
import type { BatchMetrics } from '../../training/machine.ts'
import { describeRoutes, joinRecords } from '../../training/routing.ts'
import { evaluationInputs } from '../../training/step-inputs.ts'
import { bootstrap, meanText } from './bootstrap.ts'
import { graphsOf, mean } from './learn.ts'
import { appendResult, readResults } from './results.ts'
import { BALANCED } from './routings.ts'
import { mainLoss, table } from './tables.ts'

/** Held-out batches that are judged. */
const JUDGED = 64

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    out: { type: 'string' },
    rates: { type: 'string', default: '0,0.001,0.01,0.1,1' },
    noise: { type: 'string', default: '0' },
    xi: { type: 'string', default: '0.05' },
    steps: { type: 'string', default: '10000' },
    first: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '10' },
    device: { type: 'string', default: 'cpu' },
    threads: { type: 'string', default: '1' },
  },
})
if (values.data === undefined || values.out === undefined) throw new Error('--data FILE and --out FOLDER are needed')
const [noise, xi, steps] = [values.noise, values.xi, values.steps].map(Number)
const rates = values.rates.split(',').map(Number)

/** A way to route: clauses of a layer. */
interface Way {
  readonly name: string
  readonly route: string
}

const real = (value: number): string => (Number.isInteger(value) ? value.toFixed(1) : String(value))
const ssr = (rate: number): Way => ({
  name: `SSR, rate ${rate}`,
  route: `route selective_sinkhorn(k = k, rate = ${real(rate)}, xi = ${real(xi)}, noise = ${real(noise)})`,
})
const WAYS: readonly Way[] = [
  ...rates.map(ssr),
  { name: 'Switch loss, 0.01', route: 'route balanced_top_k(k = k)' },
  { name: 'bias, 0.001', route: 'route sigmoid_top_k(k = k, renormalise = true)\n      require bias balanced at 0.001' },
]

const specOf = ({ route }: Way): string => `
import { attention } from "std/blocks/attention"
import { rms_norm } from "std/blocks/norm"
import { swiglu } from "std/experts/swiglu"
import { selective_sinkhorn } from "std/policies/selective_sinkhorn"
import { sigmoid_top_k } from "std/policies/sigmoid_top_k"
${BALANCED}
model characters(V: int = 65, D: int = 64, F: int = 32, L: int = 2, H: int = 4, E: int = 8, k: int in 1..E = 2) {
  input tokens: i32[B, S]
  param embed: f32[V, D] = normal(0.02)
  var h = take(embed, tokens)
  repeat layers[i] in 0..L {
    h = h + attention(rms_norm(h) as attention_norm, heads = H)
    h = h + moe(rms_norm(h) as moe_norm) {
      experts E of swiglu(F = F)
      ${route}
    }
  }
  output logits: f32[B, S, V] = rms_norm(h) as final_norm @ embed.T
  train {
    input targets: i32[B, S]
    loss cross_entropy = cross_entropy(logits, targets)
    optimiser adamw(rate = 2e-3, beta2 = 0.95, decay = 0.01)
    schedule cosine(warmup = 100, final = 0.1)
    clip 1.0
    batch B = 4, S = 32
    initialise "*.experts.down" fan(0.5)
    initialise "*.attention.o" fan(0.5)
  }
}
`

const MEASURES = ['loss', 'cv', 'maxVio', 'trainingCv'] as const

type Measure = (typeof MEASURES)[number]

interface Result extends Readonly<Record<Measure, number>> {
  readonly setting: string
  readonly way: string
  readonly seed: number
}

const setting = `noise ${noise}, xi ${xi}, ${steps} steps`
const settingOf = ({ name }: Way): string => (name.startsWith('SSR') ? setting : `${steps} steps`)
const RESULTS = join(values.out, 'runs.jsonl')

const results = (): readonly Result[] => readResults<Result>(RESULTS)

async function run(way: Way, seed: number, device: Device, training: Data, validation: Data): Promise<Result> {
  const graphs = graphsOf(specOf(way), steps, seed)
  const machine = createDeviceMachine(device, trainingPlans(graphs, device.target))
  const tail: number[] = []
  for await (const event of train({ recipe: graphs.recipe, machine, training }))
    if (event.kind === 'step' && event.step > (3 * steps) / 4) tail.push(...event.routing.map(({ cv }) => cv ?? 0))
  const judged: BatchMetrics[] = []
  const extra = evaluationInputs(graphs.recipe, steps)
  for (const inputs of orderedBatches(fit(validation, graphs.recipe.inputs, null), JUDGED))
    judged.push(await machine.evaluate({ ...inputs, ...extra }))
  machine.dispose()
  const layers = describeRoutes(joinRecords(judged.map(({ routes }) => routes)))
  return {
    setting: settingOf(way),
    way: way.name,
    seed,
    loss: mainLoss(averageMetrics(judged).losses),
    cv: mean(layers.map(({ cv }) => cv ?? 0)),
    maxVio: mean(layers.map(({ maxVio }) => maxVio ?? 0)),
    trainingCv: mean(tail),
  }
}

/** The effect that a paired test of level 5 % finds in four of five such designs. */
function detectable(differences: readonly number[]): number {
  const middle = mean(differences)
  const variance = differences.reduce((sum, one) => sum + (one - middle) ** 2, 0) / (differences.length - 1)
  return 2.8 * Math.sqrt(variance / differences.length)
}

const device = await openDevice({ choose: values.device, threads: Number(values.threads) })
const { training, validation } = split(await readData([values.data]), 0.1)
mkdirSync(values.out, { recursive: true })
const wanted = Array.from({ length: Number(values.seeds) }, (_, at) => Number(values.first) + at)
const missing = wanted.flatMap((seed) =>
  WAYS.filter((way) => !results().some((one) => one.way === way.name && one.seed === seed && one.setting === settingOf(way))).map(
    (way) => ({ way, seed }),
  ),
)
const began = performance.now()
for (const [at, { way, seed }] of missing.entries()) {
  const result = await run(way, seed, device, training, validation)
  appendResult(RESULTS, result)
  const left = ((performance.now() - began) / (at + 1)) * (missing.length - at - 1)
  process.stderr.write(
    `${way.name}, seed ${seed}: loss ${result.loss.toFixed(4)}, CV ${result.cv.toFixed(3)}; about ${Math.ceil(left / 60_000)} minutes left\n`,
  )
}
const [adapter, all] = [device.choice.name, results()]
device.dispose()

const of = (way: Way): ReadonlyMap<number, Result> =>
  new Map(all.filter((one) => one.way === way.name && one.setting === settingOf(way)).map((one) => [one.seed, one]))
const unbalanced = ssr(0)
/** By seed, what a way has more of a measure than SSR without balanced steps. */
const differences = (way: Way, measure: Measure): readonly number[] =>
  [...of(way)].flatMap(([seed, result]) => {
    const other = of(unbalanced).get(seed)
    return other === undefined ? [] : [result[measure] - other[measure]]
  })
const rows = WAYS.map((way) => {
  const found = [...of(way).values()]
  const values = (measure: Measure): readonly number[] => found.map((one) => one[measure])
  const isPaired = way.name !== unbalanced.name && differences(way, 'loss').length > 1
  return [
    way.name,
    String(found.length),
    meanText(values('loss'), 3),
    isPaired ? meanText(differences(way, 'loss'), 4) : '',
    meanText(values('cv'), 3),
    isPaired ? meanText(differences(way, 'cv'), 3) : '',
    meanText(values('maxVio'), 2),
    meanText(values('trainingCv'), 2),
  ]
})
process.stdout.write(`adapter: ${adapter}; ${setting}; means, 95% intervals of the bootstrap over seeds\n\n`)
process.stdout.write(
  table(
    [
      'routing',
      'seeds',
      'cross-entropy',
      'against rate 0',
      'CV at inference',
      'against rate 0',
      'MaxVio at inference',
      'CV in training',
    ],
    rows,
  ),
)
const tested = differences(ssr(0.01), 'cv')
if (tested.length > 1) {
  const { low, high } = bootstrap(tested)
  const verdict =
    high < 0
      ? 'is below'
      : low > 0
        ? 'is above'
        : `is not told apart from (an effect of ${detectable(tested).toFixed(3)} would have been)`
  process.stdout.write(`\nThe CV at inference at a rate of 0.01 ${verdict} that at 0.\n`)
}
