/** Six ways to route on images of digits: clean and corrupted, and the spectral router put on afterwards. Prints the page's tables. */
import { parseArgs } from 'node:util'
import { openDevice } from '../../runtime/dawn/index.ts'
import type { RowsData } from '../../training/data/data.ts'
import { split } from '../../training/data/split.ts'
import { readData } from '../../training/files/data.ts'
import { stream } from '../../training/random.ts'
import { evaluateRows, learn, machineWith, mean, spread, type Learned } from './learn.ts'
import { BALANCED, ROUTINGS, spectral, type Routing } from './routings.ts'

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
      pixels[64 * row + at] = Math.min(16, Math.max(0, pixels[64 * row + at] + 4 * Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v)))
    }
  },
  occlusion: (pixels, row, chance) => {
    const [top, left] = [Math.floor(6 * chance.uniform(2 * row)), Math.floor(6 * chance.uniform(2 * row + 1))]
    for (let y = top; y < top + 3; y++) pixels.fill(0, 64 * row + 8 * y + left, 64 * row + 8 * y + left + 3)
  },
  shift: (pixels, row, chance) => {
    const way = [[0, 1], [0, -1], [1, 0], [-1, 0]][Math.floor(4 * chance.uniform(row))]
    const old = pixels.slice(64 * row, 64 * row + 64)
    for (let y = 0; y < 8; y++) for (let x = 0; x < 8; x++) {
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

const { values } = parseArgs({ options: { data: { type: 'string' }, device: { type: 'string', default: 'auto' }, steps: { type: 'string', default: '300' }, seeds: { type: 'string', default: '3' } } })
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

const runs = new Map<string, Learned[]>()
const accuracies = new Map<string, number[][]>()
for (const routing of ROUTINGS) {
  for (const seed of seeds) {
    const learned = await learn({ text: specOf(routing), steps, seed, device, training, validation, looks: 15 })
    runs.set(routing.name, [...(runs.get(routing.name) ?? []), learned])
    const machine = await machineWith(specOf(routing), device, learned.state)
    const row: number[] = []
    for (const test of tests) row.push((await evaluateRows(machine, test, BATCH)).accuracy)
    machine.dispose()
    accuracies.set(routing.name, [...(accuracies.get(routing.name) ?? []), row])
    process.stderr.write(`${routing.name}, seed ${seed}: ${row.map((value) => value.toFixed(3)).join(' ')}, ${learned.stepMs.toFixed(0)} ms a step\n`)
  }
}

say(`| routing | ${kinds.join(' | ')} | loss | load CV | change | ms a step |`)
say(`| --- | ${kinds.map(() => '---').join(' | ')} | --- | --- | --- | --- |`)
for (const [name, learned] of runs) {
  const rows = accuracies.get(name)!
  const loss = learned.map(({ validations }) => validations.at(-1)!.loss)
  const cells = [...kinds.map((_, at) => spread(rows.map((row) => row[at]))), spread(loss), spread(learned.map(({ cv }) => cv), 2), spread(learned.map(({ change }) => change)), mean(learned.map(({ stepMs }) => stepMs)).toFixed(1)]
  say(`| ${name} | ${cells.join(' | ')} |`)
}

say('\nAt the time that the fastest took, by its median step:\n')
const budget = Math.min(...[...runs.values()].map((learned) => steps * mean(learned.map(({ stepMs }) => stepMs))))
say('| routing | steps in that time | loss at the last look in it | accuracy |\n| --- | --- | --- | --- |')
for (const [name, learned] of runs) {
  const inTime = Math.floor(budget / mean(learned.map(({ stepMs }) => stepMs)))
  const then = learned.map(({ validations }) => validations.filter(({ step }) => step <= inTime).at(-1) ?? validations[0])
  say(`| ${name} | ${inTime} | ${spread(then.map(({ loss }) => loss))} | ${spread(then.map(({ metrics }) => metrics['metric.accuracy']))} |`)
}

say('\nThe spectral router on the trained SMoE, afterwards (c = 8 unless said):\n')
say(`| alpha | ${kinds.join(' | ')} |`)
say(`| --- | ${kinds.map(() => '---').join(' | ')} |`)
for (const [alpha, c] of [[0, 8], [0.3, 8], [0.5, 8], [0.7, 8], [0.9, 8], [1, 8], [0.5, 2], [0.5, 32]] as const) {
  const rows: number[][] = []
  for (const { state } of runs.get('SMoE')!) {
    const machine = await machineWith(specOf(spectral(alpha, c)), device, state)
    const row: number[] = []
    for (const test of tests) row.push((await evaluateRows(machine, test, BATCH)).accuracy)
    machine.dispose()
    rows.push(row)
  }
  say(`| ${alpha}${c === 8 ? '' : `, c = ${c}`} | ${kinds.map((_, at) => spread(rows.map((row) => row[at]))).join(' | ')} |`)
}
device.dispose()
