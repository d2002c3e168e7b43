/**
 * Writes the torch module of every policy of the library, of layers with constraints, and of every checkpoint of the tests, and
 * compares outputs, losses and gradients with those of smoe in f64: `npm run -s torch -- OUT [--python PATH] [--only TEXT]`. Ends
 * with 1 where they differ.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { checkSource } from '../cli/checking.ts'
import { processTerminal } from '../cli/terminal.ts'
import { CASES } from './torch/cases.ts'
import { CHECKPOINTS, writeCheckpoint } from './torch/checkpoints.ts'
import { writeTruth } from './torch/truth.ts'

const [out, ...rest] = process.argv.slice(2)
const optionOf = (name: string, otherwise: string): string => (rest.includes(name) ? rest[rest.indexOf(name) + 1] : otherwise)

const only = optionOf('--only', '')
const cases = CASES.filter(({ name }) => name.includes(only))
for (const [at, { name, text, ...sizes }] of cases.entries()) {
  const { model, diagnostics } = checkSource({ path: `${name}.smoe`, text }, { set: [] }, processTerminal())
  const wrong = diagnostics.filter(({ severity }) => severity === 'error').map(({ message }) => message)
  if (model === null || wrong.length > 0) throw new Error(`${name}: ${wrong.join('; ')}`)
  writeTruth(join(out, name), model, sizes)
  if (process.stderr.isTTY) process.stderr.write(`\r${at + 1} of ${cases.length}`)
}
const checkpoints = CHECKPOINTS.filter((name) => name.includes(only))
const folderOf = (from: string): string => join(out, from.replace('test/fixtures/', '').replaceAll('/', '-'))
for (const from of checkpoints) await writeCheckpoint(from, folderOf(from))
const folders = [...cases.map(({ name }) => join(out, name)), ...checkpoints.map(folderOf)]
const { status } = spawnSync(optionOf('--python', 'python3'), ['scripts/torch/compare.py', ...folders], { stdio: 'inherit' })
process.exitCode = status ?? 1
