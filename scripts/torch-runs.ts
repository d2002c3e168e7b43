/**
 * Ten steps of `smoe train`, of `train.py` in one process, and of it under torchrun in two, by FSDP2 alone and with experts on
 * both ranks: `npm run -s torch:runs -- OUT [--bin DIR]`, where DIR has python3 and torchrun. Compares losses, weights, and what
 * `smoe eval` says of the weights; ends with 1 where they differ by more than 1e-4.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { encodeSafetensors } from '../runtime/checkpoint/encode.ts'
import { writeFileWhole } from '../runtime/files/index.ts'
import { readSafetensors } from '../test/support/safetensors.ts'
import { evaluated, largest, lossesIn, python, risingTokens, smoe } from './torch/runs.ts'

const LIMIT = 1e-4
const SPEC = 'scripts/torch/run.smoe'
const [typed, ...rest] = process.argv.slice(2)
const out = resolve(typed)
const [python3, torchrun] = ['python3', 'torchrun'].map((name) => (rest[0] === '--bin' ? join(rest[1], name) : name))

rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
const data = join(out, 'data.safetensors')
await writeFileWhole(data, [encodeSafetensors({ tokens: { shape: [400], data: risingTokens(400) } })])
await smoe('train', SPEC, '--data', data, '--split', '0', '--validate-every', '0', '--device', 'cpu', '--out', join(out, 'smoe'))
const module = join(out, 'module')
await smoe('export', '--to', 'torch', SPEC, '-o', module)
const ranks = ['--nproc-per-node', '2', 'train.py', '--data', data]
python(python3, module, ['train.py', '--data', data, '--out', join(out, 'one')])
python(torchrun, module, [...ranks, '--out', join(out, 'fsdp')])
python(torchrun, module, [...ranks, '--experts', 'parallel', '--out', join(out, 'experts')])

const checkpoints = join(out, 'smoe/checkpoints')
const newest = join(checkpoints, readdirSync(checkpoints).sort().at(-1)!)
const [own, losses] = [readSafetensors(newest), lossesIn(join(out, 'smoe'))]
const yardstick = await evaluated(SPEC, newest, `${data}:tokens`)
console.log(`smoe train: losses ${losses.map((loss) => loss.toFixed(5)).join(' ')}; smoe eval ${yardstick.toFixed(6)}`)
for (const name of ['one', 'fsdp', 'experts']) {
  const folder = join(out, name)
  const weights = Object.entries(readSafetensors(join(folder, 'model.safetensors')))
  const differences = {
    losses: largest(losses, lossesIn(folder)),
    weights: Math.max(...weights.map(([path, { values }]) => largest(values, own[path].values))),
    eval: Math.abs((await evaluated(SPEC, folder, `${data}:tokens`)) - yardstick),
  }
  const isEqual = Object.values(differences).every((one) => one <= LIMIT)
  if (!isEqual) process.exitCode = 1
  const numbers = Object.entries(differences).map(([what, one]) => `${what} ${one.toExponential(1)}`)
  console.log(`${name.padEnd(8)} ${weights.length} weights: ${numbers.join('  ')}${isEqual ? '' : '  DIFFERS'}`)
}
