/** What runs of training are compared by: commands, records, and the largest difference. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runCommandLine } from '../../cli/program.ts'
import { createRandom } from '../../cli/random.ts'
import { processTerminal } from '../../cli/terminal.ts'

/** What a command prints. Throws an Error where it fails. */
export async function smoe(...args: readonly string[]): Promise<string> {
  let said = ''
  const hear = (text: string): void => void (said += text)
  const code = await runCommandLine(args, { ...processTerminal(), out: hear, err: hear, errIsLive: false })
  if (code !== 0) throw new Error(`smoe ${args.join(' ')}: ${said}`)
  return said
}

/** Runs a program of Python in a folder, each process with one thread. Throws an Error where it fails. */
export function python(program: string, cwd: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8', env: { ...process.env, OMP_NUM_THREADS: '1' } })
  if (status !== 0) throw new Error(`${program}: ${stderr}`)
}

interface Line {
  readonly kind?: string
  readonly loss: number
}

/** The losses of the steps in the record of a run, of either program. */
export const lossesIn = (folder: string): readonly number[] =>
  readFileSync(join(folder, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
    .filter(({ kind = 'step' }) => kind === 'step')
    .map(({ loss }) => loss)

/** The largest difference; infinite where there are fewer numbers. */
export const largest = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  a.length === b.length ? Math.max(0, ...Array.from(a, (value, at) => Math.abs(value - b[at]))) : Infinity

/** Ids below 40 that rise by 0, 1 or 2: there is something to learn. */
export function risingTokens(count: number): Int32Array {
  const next = createRandom(3)
  let token = 0
  return Int32Array.from({ length: count }, () => (token = (token + Math.floor(next() * 3)) % 40))
}

/** The loss of a model on tokens, as `smoe eval` says it. */
export async function evaluated(spec: string, weights: string, tokens: string): Promise<number> {
  const text = await smoe('eval', spec, '--weights', weights, '--tokens', tokens, '--device', 'cpu', '--format', 'json')
  return (JSON.parse(text.slice(text.indexOf('{'))) as Line).loss
}
