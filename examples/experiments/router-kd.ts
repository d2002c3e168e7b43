/**
 * Router KD after experts were removed: a small Mixtral learns characters, REAP removes a quarter of its experts, and the routers
 * of the smaller model learn from the original (arXiv:2603.02217), beginning with the rows that are left or with those of SSMoE.
 * Printed is the perplexity on text that none has seen. Each seed is appended to a file; seeds that it has are not run again.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runCommandLine } from '../../cli/program.ts'
import { processTerminal } from '../../cli/terminal.ts'
import { encodeSafetensors } from '../../runtime/checkpoint/encode.ts'
import { charactersOf, encodeText, vocabularySize } from '../../training/data/vocabulary.ts'
import { meanText } from './bootstrap.ts'
import { mean } from './learn.ts'
import { appendResult, readResults } from './results.ts'
import { table } from './tables.ts'

const STAGES = ['original', 'pruned', 'old', 'spectral'] as const
type Stage = (typeof STAGES)[number]

const NAMES: Readonly<Record<Stage, string>> = {
  original: 'original, 8 experts a layer',
  pruned: 'REAP, 6 experts',
  old: 'Router KD from the rows that are left',
  spectral: 'Router KD from the rows of SSMoE',
}

interface Seed {
  readonly seed: number
  /** In the file: what all seeds must have in common. */
  readonly setting: string
  /** Mean cross-entropy of a character, in nats. */
  readonly losses: Readonly<Record<Stage, number>>
}

const configOf = (vocabulary: number): string =>
  JSON.stringify({
    architectures: ['MixtralForCausalLM'],
    model_type: 'mixtral',
    dtype: 'float32',
    vocab_size: vocabulary,
    hidden_size: 64,
    intermediate_size: 64,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 4,
    num_local_experts: 8,
    num_experts_per_tok: 2,
    hidden_act: 'silu',
    max_position_embeddings: 512,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    sliding_window: null,
    tie_word_embeddings: false,
  })

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    out: { type: 'string', default: 'router-kd' },
    device: { type: 'string', default: 'cpu' },
    seeds: { type: 'string', default: '10' },
    first: { type: 'string', default: '1' },
    steps: { type: 'string', default: '600' },
    'kd-steps': { type: 'string', default: '200' },
    'kd-rate': { type: 'string', default: '1e-3' },
  },
})
const { out, device, steps } = values
const [kdSteps, kdRate] = [values['kd-steps'], values['kd-rate']]
const setting = `${steps} steps, then ${kdSteps} of Router KD at ${kdRate}`
const RESULTS = join(out, 'seeds.jsonl')

/** A command of `smoe`; what it printed. Throws where it fails. */
async function smoe(...args: readonly string[]): Promise<string> {
  let [printed, talk] = ['', '']
  const code = await runCommandLine(args, {
    ...processTerminal(),
    out: (text) => void (printed += text),
    err: (text) => void (talk += text),
    errIsLive: false,
  })
  if (code !== 0) throw new Error(`smoe ${args.join(' ')} ended with ${code}:\n${talk}`)
  return printed
}

/** The last tenth is what nothing learns from; REAP sees the first 16,384 characters of the rest. */
function prepare(): void {
  const text = readFileSync(values.data!, 'utf8')
  const vocabulary = charactersOf([text])
  const ids = encodeText(text, vocabulary, values.data!)
  const cut = Math.floor(0.9 * ids.length)
  const parts = { training: ids.subarray(0, cut), calibration: ids.subarray(0, 16_384), test: ids.subarray(cut, cut + 32_768) }
  mkdirSync(join(out, 'empty'), { recursive: true })
  writeFileSync(join(out, 'empty/config.json'), configOf(vocabularySize(vocabulary)))
  for (const [name, data] of Object.entries(parts))
    writeFileSync(join(out, `${name}.safetensors`), encodeSafetensors({ ids: { shape: [data.length], data: data.slice() } }))
}

const finished = (): readonly Seed[] => readResults<Seed>(RESULTS).filter((one) => one.setting === setting)

async function lossOf(model: string, weights: string | null): Promise<number> {
  const from = weights === null ? [] : ['--weights', weights]
  const tokens = `${join(out, 'test.safetensors')}:ids`
  const told = await smoe('eval', model, ...from, '--tokens', tokens, '--context', '64', '--device', device, '--format', 'json')
  return (JSON.parse(told) as { readonly loss: number }).loss
}

async function run(seed: number): Promise<Seed> {
  const folder = join(out, `seed-${seed}`)
  const at = (name: string): string => join(folder, name)
  rmSync(folder, { recursive: true, force: true })
  const data = ['--data', join(out, 'training.safetensors'), '--split', '0', '--validate-every', '0', '--device', device]
  const common = [...data, '--seed', String(seed), '--context', '64']
  const learned = ['--learn', '*', '--batch', '16', '--rate', '4e-3', '--steps', steps, '--out', at('run')]
  await smoe('train', join(out, 'empty'), ...common, ...learned)
  await smoe('export', '--to', 'hf', join(out, 'empty'), '--weights', at('run'), '-o', at('original'))
  const calibration = ['--tokens', `${join(out, 'calibration.safetensors')}:ids`, '--context', '64', '--device', device]
  await smoe('prune', at('original'), '--by', 'reap', '--keep', '75%', ...calibration, '-o', at('pruned'))
  const retrained = ['--learn', 'router', '--teacher', at('original'), '--batch', '8', '--rate', kdRate, '--steps', kdSteps]
  for (const start of ['old', 'spectral'])
    await smoe('train', at('pruned'), ...common, ...retrained, '--start', start, '--out', at(start))
  const losses = {
    original: await lossOf(at('original'), null),
    pruned: await lossOf(at('pruned'), null),
    old: await lossOf(at('pruned'), at('old')),
    spectral: await lossOf(at('pruned'), at('spectral')),
  }
  rmSync(folder, { recursive: true, force: true })
  return { seed, setting, losses }
}

function report(seeds: readonly Seed[]): string {
  const of = (stage: Stage): readonly number[] => seeds.map(({ losses }) => losses[stage])
  const change = (stage: Stage): string =>
    stage === 'pruned'
      ? ''
      : meanText(
          of(stage).map((loss, at) => loss - of('pruned')[at]),
          4,
        )
  const rows = STAGES.map((stage) => [NAMES[stage], meanText(of(stage).map(Math.exp), 3), change(stage)])
  const starts = meanText(
    of('spectral').map((loss, at) => loss - of('old')[at]),
    4,
  )
  const lost = mean(of('pruned')) - mean(of('original'))
  const regained = (['old', 'spectral'] as const).map((stage) => (mean(of('pruned')) - mean(of(stage))) / lost)
  return [
    table(['model', 'perplexity', 'nats a character against REAP alone'], rows),
    `\nrows of SSMoE against those that are left: ${starts} nats; of what REAP lost, ${regained.map((share) => `${(100 * share).toFixed(0)} %`).join(' and ')} came back\n`,
  ].join('')
}

mkdirSync(out, { recursive: true })
prepare()
const first = Number(values.first)
const wanted = Array.from({ length: Number(values.seeds) }, (_, at) => first + at)
for (const seed of wanted) {
  if (finished().some((one) => one.seed === seed)) continue
  const found = await run(seed)
  appendResult(RESULTS, found)
  process.stderr.write(
    `seed ${seed}: ${STAGES.map((stage) => `${stage} ${Math.exp(found.losses[stage]).toFixed(3)}`).join(', ')}\n`,
  )
}
const seeds = finished().filter(({ seed }) => wanted.includes(seed))
process.stdout.write(
  `${setting}; seeds ${seeds.map(({ seed }) => seed).join(', ')}; means, 95% intervals of the bootstrap over seeds\n\n`,
)
process.stdout.write(report(seeds))
