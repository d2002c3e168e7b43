/** Six ways to route in a small language model of characters. Prints the page's tables. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openDevice } from '../../runtime/node/index.ts'
import { split } from '../../training/data/split.ts'
import { readData } from '../../training/files/data.ts'
import { learn, mean, seen, spread, stepTimes, type Learned } from './learn.ts'
import { plot } from './plot.ts'
import { BALANCED, ROUTINGS, spectral, SWEEP, sweepName, type Routing } from './routings.ts'
import { cost, curves, equalTime, mainLoss, table } from './tables.ts'

const specOf = ({ imports, route }: Routing): string => `
import { attention } from "std/blocks/attention"
import { rms_norm } from "std/blocks/norm"
import { swiglu } from "std/experts/swiglu"
${imports}
${BALANCED}
model characters(V: int = 65, D: int = 48, F: int = 32, L: int = 2, H: int = 4, E: int = 8, k: int in 1..E = 2) {
  input tokens: i32[B, S]
  param embed: f32[V, D] = normal(0.02)
  var h = take(embed, tokens)
  repeat layers[i] in 0..L {
    h = h + attention(rms_norm(h) as attention_norm, heads = H)
    h = h + moe(rms_norm(h) as moe_norm) {
      experts E of swiglu(F = F)
      route ${route}
    }
  }
  output logits: f32[B, S, V] = rms_norm(h) as final_norm @ embed.T
  train {
    input targets: i32[B, S]
    loss cross_entropy = cross_entropy(logits, targets)
    metric accuracy = accuracy(logits, targets)
    optimiser adamw(rate = 4e-3, beta2 = 0.95, decay = 0.01)
    schedule cosine(warmup = 10, final = 0.1)
    clip 1.0
    batch B = 8, S = 48
    initialise "*.experts.down" fan(0.5)
    initialise "*.attention.o" fan(0.5)
  }
}
`

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    device: { type: 'string', default: 'auto' },
    steps: { type: 'string', default: '200' },
    seeds: { type: 'string', default: '3' },
    plot: { type: 'string' },
  },
})
const steps = Number(values.steps)
const seeds = Array.from({ length: Number(values.seeds) }, (_, at) => at + 1)
const device = await openDevice({ choose: values.device })
const { training, validation } = split(await readData([values.data!]), 0.1)
const say = (text: string): void => void process.stdout.write(`${text}\n`)
say(`adapter: ${device.choice.name}; ${steps} steps of 384 characters; seeds ${seeds.join(', ')}\n`)

const runs = new Map<string, Learned[]>()
for (const routing of ROUTINGS) {
  for (const seed of seeds) {
    const learned = await learn({ text: specOf(routing), steps, seed, device, training, validation, looks: 10 })
    runs.set(routing.name, [...(runs.get(routing.name) ?? []), learned])
    const last = learned.validations.at(-1)!
    process.stderr.write(
      `${routing.name}, seed ${seed}: ${last.loss.toFixed(4)}, ${learned.competitionSteps} competition steps\n`,
    )
  }
}

const timed = await stepTimes(ROUTINGS.map(specOf), device, training)
const times = new Map(ROUTINGS.map(({ name }, at) => [name, timed[at]]))

say(
  table(
    ['routing', 'cross-entropy', 'accuracy', 'load CV', 'change', 'ms a step', 'competition steps'],
    [...runs].map(([name, learned]) => {
      const last = learned.map(({ validations }) => validations.at(-1)!)
      return [
        name,
        spread(last.map(({ losses }) => mainLoss(losses))),
        spread(last.map(({ metrics }) => metrics['metric.accuracy'])),
        spread(
          learned.map(({ cv }) => cv),
          2,
        ),
        spread(learned.map(({ change }) => change)),
        cost(learned, times.get(name)!).toFixed(1),
        mean(learned.map(({ competitionSteps }) => competitionSteps)).toFixed(1),
      ]
    }),
  ),
)
say('At the time that the fastest took, by their mean steps:\n')
say(equalTime(runs, times, steps))

say('The spectral router on the trained SMoE, afterwards (c = 8 unless said):\n')
const rows: string[][] = []
for (const [alpha, c] of SWEEP) {
  const losses: number[] = []
  const accuracies: number[] = []
  for (const { state } of runs.get('SMoE')!) {
    const [{ loss, accuracy }] = await seen(specOf(spectral(alpha, c)), device, state, [validation], 24)
    losses.push(loss)
    accuracies.push(accuracy)
  }
  rows.push([sweepName(alpha, c), spread(losses), spread(accuracies)])
}
say(table(['alpha', 'cross-entropy', 'accuracy'], rows))
device.dispose()
if (values.plot !== undefined) {
  for (const against of ['steps', 'seconds'] as const) {
    const title = against === 'steps' ? 'Characters, at equal steps' : 'Characters, at equal time'
    writeFileSync(
      join(values.plot, `characters-by-${against}.svg`),
      plot({ title, x: against, y: 'cross-entropy, validation', scale: 'linear', series: curves(runs, times, against) }),
    )
  }
}
