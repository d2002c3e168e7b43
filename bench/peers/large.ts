/**
 * `npm run bench:large -- FOLDER --python PYTHON`: a checkpoint as scripts/architectures/large.py makes it, on the cpu device and
 * in transformers, in turns. Each turn is a process of its own, so that peaks of memory are its own and two never share the
 * machine: `--turn` has what a process of smoe does.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { difference } from './difference.ts'
import type { Measured } from './large/measured.ts'
import { largeTable } from './large/table.ts'
import { measure } from './large/turn.ts'
import { loadNow, machineOf } from './machine.ts'

interface Turn {
  readonly label: string
  /** Program and arguments, before those of every turn and after them. */
  readonly command: readonly [program: string, ...args: readonly string[]]
  readonly last: readonly string[]
}

const turnsOf = (python: string): readonly Turn[] => {
  const smoe = [process.execPath, 'scripts/run.mjs', 'bench/peers/large.ts'] as const
  const torch = [python, 'bench/peers/large/transformers-turn.py'] as const
  return [
    { label: 'smoe cpu, bf16', command: smoe, last: ['--turn', 'cpu'] },
    { label: 'smoe cpu --fast, bf16', command: smoe, last: ['--turn', 'fast'] },
    { label: 'transformers, f32', command: torch, last: ['f32'] },
    { label: 'transformers, bf16', command: torch, last: ['bf16'] },
  ]
}

/** Runs a turn, and returns what it printed last. */
function take({ command: [program, ...args], last }: Turn, folder: string, runs: number, logits: string): Measured {
  const given = [...args, folder, String(runs), logits, ...last]
  const printed = execFileSync(program, given, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 2 ** 24 })
  return JSON.parse(printed.trim().split('\n').at(-1)!) as Measured
}

const floats = (file: string): Float32Array => new Float32Array(new Uint8Array(readFileSync(file)).buffer)

function bench(folder: string, python: string, rounds: number, runs: number): void {
  const before = loadNow()
  const turns = turnsOf(python)
  const scratch = mkdtempSync(join(tmpdir(), 'smoe-large-'))
  try {
    const measured = turns.map((): Measured[] => [])
    const logits = (at: number): string => join(scratch, `${at}.f32`)
    for (let round = 0; round < rounds; round++)
      turns.forEach((turn, at) => {
        process.stderr.write(`round ${round + 1} of ${rounds}: ${turn.label}\n`)
        measured[at].push(take(turn, folder, runs, logits(at)))
      })
    const yardstick = floats(logits(turns.findIndex(({ label }) => label === 'transformers, f32')))
    const error = (at: number): string => difference(floats(logits(at)), yardstick).toExponential(0)
    const found = turns.map(({ label }, at) => ({ label, turns: measured[at], error: error(at) }))
    const { processor, cores, memory, system, node, load } = machineOf(before, loadNow())
    process.stdout.write(`machine: ${processor}, ${cores} cores, ${memory} GiB, ${system}, Node ${node}\n`)
    process.stdout.write(`load: ${load.map((one) => one.toFixed(1)).join(' before the first turn, ')} after the last\n\n`)
    process.stdout.write(largeTable(found))
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

const USAGE = 'npm run bench:large -- FOLDER [--python python3] [--rounds 2] [--runs 3]'

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      python: { type: 'string', default: 'python3' },
      rounds: { type: 'string', default: '2' },
      runs: { type: 'string', default: '3' },
      turn: { type: 'string' },
    },
  })
  const [folder, ...others] = positionals
  if (folder === undefined) throw new RangeError(USAGE)
  if (values.turn === undefined) return bench(folder, values.python, Number(values.rounds), Number(values.runs))
  const [runs, logits] = others
  process.stdout.write(`${JSON.stringify(await measure(folder, Number(runs), logits, values.turn === 'fast'))}\n`)
}

await main()
