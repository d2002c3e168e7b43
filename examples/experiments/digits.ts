/**
 * Six ways to route on images of digits: clean and corrupted, and the spectral router put on afterwards. Prints the page's
 * tables.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openDevice } from '../../runtime/node/index.ts'
import type { RowsData } from '../../training/data/data.ts'
import { split } from '../../training/data/split.ts'
import { readData } from '../../training/files/data.ts'
import { stream } from '../../training/random.ts'
import { learn, seen, spread, stepTimes, type Learned } from './learn.ts'
import { plot } from './plot.ts'
import { BALANCED, ROUTINGS, spectral, SWEEP, sweepName, type Routing } from './routings.ts'
import { cost, curves, equalTime, mainLoss, table } from './tables.ts'

const BATCH = 64

const specOf = ({ imports, route }: Routing): string => `
import { rms_norm } from "std/blocks/norm"
import { swiglu } from "std/experts/swiglu"
${imports}
${BALANCED}
model digits(D: int = 32, F: int = 32, L: int = 2, E: int = 8, k: int in 1..E = 2) {
  input pixels: f32[B, 64]
  param look: f32[D, 64]
  var h = (pixels / 16.0) @ look.T
  repeat layers[i] in 0..L {
    h = h + moe(rms_norm(h) as moe_norm) {
      experts E of swiglu(F = F)
      route ${route}
    }
  }
  param head: f32[10, D]
  output scores: f32[B, 10] = rms_norm(h) as final_norm @ head.T
  train {
    input labels: i32[B]
    loss cross_entropy = cross_entropy(scores, labels)
    metric accuracy = accuracy(scores, labels)
    optimiser adamw(rate = 3e-3, decay = 0.01)
    schedule cosine(warmup = 10, final = 0.1)
    clip 1.0
    batch B = ${BATCH}
    steps 300
  }
}
`

type Corruption = (pixels: Float32Array, row: number, chance: ReturnType<typeof stream>) => void

/** 8 x 8 pixels of 0..16, changed in place. */
const CORRUPTIONS: Readonly<Record<string, Corruption>> = {
  clean: () => {},
  noise: (pixels, row, chance) => {
    for (let at = 0; at < 64; at++) {
      const [u, v] = [chance.uniform(128 * row + at), chance.uniform(128 * row + 64 + at)]
      pixels[64 * row + at] = Math.min(
        16,
        Math.max(0, pixels[64 * row + at] + 4 * Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v)),
      )
    }
  },
  occlusion: (pixels, row, chance) => {
    const [top, left] = [Math.floor(6 * chance.uniform(2 * row)), Math.floor(6 * chance.uniform(2 * row + 1))]
    for (let y = top; y < top + 3; y++) pixels.fill(0, 64 * row + 8 * y + left, 64 * row + 8 * y + left + 3)
  },
  shift: (pixels, row, chance) => {
    const way = [
      [0, 1],
      [0, -1],
      [1, 0],
      [-1, 0],
    ][Math.floor(4 * chance.uniform(row))]
    const old = pixels.slice(64 * row, 64 * row + 64)
    for (let y = 0; y < 8; y++)
      for (let x = 0; x < 8; x++) {
        const [fromY, fromX] = [y - way[0], x - way[1]]
        pixels[64 * row + 8 * y + x] = fromY >= 0 && fromY < 8 && fromX >= 0 && fromX < 8 ? old[8 * fromY + fromX] : 0
      }
  },
}

function corrupted(data: RowsData, kind: string): RowsData {
  const pixels = Float32Array.from(data.columns.pixels)
  const chance = stream(0, 'shuffle', kind)
  for (let row = 0; row < data.count; row++) CORRUPTIONS[kind](pixels, row, chance)
  return { ...data, columns: { ...data.columns, pixels } }
}

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    device: { type: 'string', default: 'auto' },
    steps: { type: 'string', default: '300' },
    seeds: { type: 'string', default: '3' },
    plot: { type: 'string' },
  },
})
const steps = Number(values.steps)
const seeds = Array.from({ length: Number(values.seeds) }, (_, at) => at + 1)
const device = await openDevice({ choose: values.device })
const all = await readData([values.data!])
if (all.kind !== 'rows') throw new Error('the digits are rows')
const { training, validation } = split(all, 0.2)
const kinds = Object.keys(CORRUPTIONS)
const tests = kinds.map((kind) => corrupted(validation as RowsData, kind))

const say = (text: string): void => void process.stdout.write(`${text}\n`)
say(`adapter: ${device.choice.name}; ${steps} steps of ${BATCH}; seeds ${seeds.join(', ')}\n`)

const accuraciesOf = async (routing: Routing, { state }: Learned): Promise<readonly number[]> =>
  (await seen(specOf(routing), device, state, tests)).map(({ accuracy }) => accuracy)
const spreads = (rows: readonly (readonly number[])[]): readonly string[] =>
  kinds.map((_, at) => spread(rows.map((row) => row[at])))

const runs = new Map<string, Learned[]>()
const accuracies = new Map<string, (readonly number[])[]>()
for (const routing of ROUTINGS) {
  for (const seed of seeds) {
    const learned = await learn({ text: specOf(routing), steps, seed, device, training, validation, looks: 15 })
    runs.set(routing.name, [...(runs.get(routing.name) ?? []), learned])
    const row = await accuraciesOf(routing, learned)
    accuracies.set(routing.name, [...(accuracies.get(routing.name) ?? []), row])
    process.stderr.write(`${routing.name}, seed ${seed}: ${row.map((value) => value.toFixed(3)).join(' ')}\n`)
  }
}

const timed = await stepTimes(ROUTINGS.map(specOf), device, training)
const times = new Map(ROUTINGS.map(({ name }, at) => [name, timed[at]]))

say(
  table(
    ['routing', ...kinds, 'cross-entropy', 'load CV', 'change', 'ms a step'],
    [...runs].map(([name, learned]) => [
      name,
      ...spreads(accuracies.get(name)!),
      spread(learned.map(({ validations }) => mainLoss(validations.at(-1)!.losses))),
      spread(
        learned.map(({ cv }) => cv),
        2,
      ),
      spread(learned.map(({ change }) => change)),
      cost(learned, times.get(name)!).toFixed(1),
    ]),
  ),
)
say('At the time that the fastest took, by their mean steps:\n')
say(equalTime(runs, times, steps))

say('The spectral router on the trained SMoE, afterwards (c = 8 unless said):\n')
const swept: string[][] = []
for (const [alpha, c] of SWEEP) {
  const rows: (readonly number[])[] = []
  for (const learned of runs.get('SMoE')!) rows.push(await accuraciesOf(spectral(alpha, c), learned))
  swept.push([sweepName(alpha, c), ...spreads(rows)])
}
say(table(['alpha', ...kinds], swept))

say('The spectral router, alpha 0.5 and c = 8, on each trained model whose router it can start from:\n')
const rerouted: string[][] = []
for (const name of ['SMoE', 'SMoE, balance loss', 'CompeteSMoE', 'SSR']) {
  const rows: (readonly number[])[] = []
  for (const learned of runs.get(name)!) rows.push(await accuraciesOf(spectral(0.5, 8), learned))
  rerouted.push([name, ...spreads(rows)])
}
say(table(['trained as', ...kinds], rerouted))
device.dispose()
if (values.plot !== undefined) {
  writeFileSync(
    join(values.plot, 'digits-by-steps.svg'),
    plot({
      title: 'Digits, at equal steps',
      x: 'steps',
      y: 'cross-entropy, validation',
      scale: 'linear',
      series: curves(runs, times, 'steps'),
    }),
  )
}
