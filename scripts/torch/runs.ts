/**
 * Ten steps of `smoe train`, of `train.py` in one process, and of it under torchrun in two, by FSDP2 alone and with experts on
 * both ranks: `npm run -s torch:runs -- OUT [--bin DIR]`, where DIR has python3 and torchrun. Compares losses, weights, and what
 * `smoe eval` says of the weights; ends with 1 where they differ by more than 1e-4.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { runCommandLine } from '../../cli/program.ts'
import { createRandom } from '../../cli/random.ts'
import { processTerminal } from '../../cli/terminal.ts'
import { encodeSafetensors } from '../../runtime/checkpoint/encode.ts'
import { writeFileWhole, textPieces } from '../../runtime/files/index.ts'
import { readSafetensors } from '../../test/support/safetensors.ts'

const LIMIT = 1e-4
const SPEC = 'scripts/torch/run.smoe'
const [typed, ...rest] = process.argv.slice(2)
const out = resolve(typed)
const bin = rest[0] === '--bin' ? rest[1] : ''

/** What a command prints as data. */
async function smoe(...args: readonly string[]): Promise<string> {
  let said = ''
  const terminal = {
    ...processTerminal(),
    out: (text: string) => void (said += text),
    err: (text: string) => void (said += text),
  }
  const code = await runCommandLine(args, { ...terminal, errIsLive: false })
  if (code !== 0) throw new Error(`smoe ${args.join(' ')}: ${said}`)
  return said
}

function python(program: string, ...args: readonly string[]): void {
  const command = bin === '' ? program : join(bin, program)
  const { status, stderr } = spawnSync(command, args, {
    cwd: join(out, 'module'),
    encoding: 'utf8',
    env: { ...process.env, OMP_NUM_THREADS: '1' },
  })
  if (status !== 0) throw new Error(`${program}: ${stderr}`)
}

const lossesIn = (folder: string): readonly number[] =>
  readFileSync(join(out, folder, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly kind?: string; readonly loss: number })
    .filter(({ kind = 'step' }) => kind === 'step')
    .map(({ loss }) => loss)

const largest = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a, (value, at) => Math.abs(value - b[at])).reduce(
    (most, one) => Math.max(most, one),
    a.length === b.length ? 0 : Infinity,
  )

rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
const next = createRandom(3)
let token = 0
const tokens = Int32Array.from({ length: 400 }, () => (token = (token + Math.floor(next() * 3)) % 40))
const data = join(out, 'data.safetensors')
await writeFileWhole(data, [encodeSafetensors({ tokens: { shape: [400], data: tokens } })])
await writeFileWhole(join(out, 'about.txt'), textPieces(`${SPEC}, 10 steps of 4 micro-batches\n`))

await smoe('train', SPEC, '--data', data, '--split', '0', '--validate-every', '0', '--device', 'cpu', '--out', join(out, 'smoe'))
await smoe('export', '--to', 'torch', SPEC, '-o', join(out, 'module'))
const torchrun = ['--nproc-per-node', '2', 'train.py', '--data', data]
python('python3', 'train.py', '--data', data, '--out', join(out, 'one'))
python('torchrun', ...torchrun, '--out', join(out, 'fsdp'))
python('torchrun', ...torchrun, '--experts', 'parallel', '--out', join(out, 'experts'))

const checkpoints = join(out, 'smoe/checkpoints')
const newest = join(checkpoints, readdirSync(checkpoints).sort().at(-1)!)
const [own, losses] = [readSafetensors(newest), lossesIn('smoe')]
const evaluated = async (weights: string): Promise<number> => {
  const text = await smoe('eval', SPEC, '--weights', weights, '--tokens', `${data}:tokens`, '--device', 'cpu', '--format', 'json')
  return (JSON.parse(text.slice(text.indexOf('{'))) as { readonly loss: number }).loss
}
const yardstick = await evaluated(newest)
console.log(`smoe train: losses ${losses.map((loss) => loss.toFixed(5)).join(' ')}; smoe eval ${yardstick.toFixed(6)}`)
for (const name of ['one', 'fsdp', 'experts']) {
  const weights = readSafetensors(join(out, name, 'model.safetensors'))
  const byWeight = Object.entries(weights).map(([path, { values }]) => largest(values, own[path].values))
  const [loss, weight] = [largest(losses, lossesIn(name)), Math.max(...byWeight)]
  const evaluation = Math.abs((await evaluated(join(out, name))) - yardstick)
  const isEqual = [loss, weight, evaluation].every((one) => one <= LIMIT)
  process.exitCode = isEqual ? process.exitCode : 1
  const numbers = [
    `losses ${loss.toExponential(1)}`,
    `${byWeight.length} weights ${weight.toExponential(1)}`,
    `eval ${evaluation.toExponential(1)}`,
  ]
  console.log(`${name.padEnd(8)} ${numbers.join('  ')}${isEqual ? '' : '  DIFFERS'}`)
}
