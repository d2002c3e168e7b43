/** Six ways to route in a small language model of characters. Prints the page's tables. */
import { parseArgs } from 'node:util'
import { openDevice } from '../../runtime/dawn/index.ts'
import { split } from '../../training/data/split.ts'
import { readData } from '../../training/files/data.ts'
import { learn, mean, spread, type Learned } from './learn.ts'
import { BALANCED, ROUTINGS, type Routing } from './routings.ts'

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

const { values } = parseArgs({ options: { data: { type: 'string' }, device: { type: 'string', default: 'auto' }, steps: { type: 'string', default: '200' }, seeds: { type: 'string', default: '3' } } })
const steps = Number(values.steps)
const seeds = Array.from({ length: Number(values.seeds) }, (_, at) => at + 1)
const device = await openDevice({ choose: values.device })
const { training, validation } = split(await readData([values.data!]), 0.1)
const say = (text: string): void => void process.stdout.write(`${text}\n`)
say(`adapter: ${device.choice.name}; ${steps} steps of 384 characters; seeds ${seeds.join(', ')}\n`)

const runs = new Map<string, Learned[]>()
for (const routing of ROUTINGS) {
  for (const seed of seeds) {
    const learned = await learn({ text: specOf(routing), steps, seed, device, training, validation, looks: 8 })
    runs.set(routing.name, [...(runs.get(routing.name) ?? []), learned])
    const last = learned.validations.at(-1)!
    process.stderr.write(`${routing.name}, seed ${seed}: ${last.loss.toFixed(4)}, ${learned.stepMs.toFixed(0)} ms a step, ${learned.contests} contests\n`)
  }
}

say('| routing | cross-entropy | accuracy | load CV | change | ms a step | contests |\n| --- | --- | --- | --- | --- | --- | --- |')
for (const [name, learned] of runs) {
  const last = learned.map(({ validations }) => validations.at(-1)!)
  const cells = [
    spread(last.map(({ losses }) => losses['loss.cross_entropy'])), spread(last.map(({ metrics }) => metrics['metric.accuracy'])), spread(learned.map(({ cv }) => cv), 2),
    spread(learned.map(({ change }) => change)), mean(learned.map(({ stepMs }) => stepMs)).toFixed(0), mean(learned.map(({ contests }) => contests)).toFixed(1),
  ]
  say(`| ${name} | ${cells.join(' | ')} |`)
}
say('\nAt the time that the fastest took, by its median step:\n')
const budget = Math.min(...[...runs.values()].map((learned) => steps * mean(learned.map(({ stepMs }) => stepMs))))
say('| routing | steps in that time | cross-entropy at the last look in it |\n| --- | --- | --- |')
for (const [name, learned] of runs) {
  const inTime = Math.floor(budget / mean(learned.map(({ stepMs }) => stepMs)))
  const then = learned.map(({ validations }) => validations.filter(({ step }) => step <= inTime).at(-1) ?? validations[0])
  say(`| ${name} | ${inTime} | ${spread(then.map(({ loss }) => loss))} |`)
}
device.dispose()
