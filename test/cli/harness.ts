/** Runs command lines inside of the test, in a folder of their own. */
import { Readable } from 'node:stream'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { onTestFinished } from 'vitest'
import { runCommandLine } from '../../cli/program.ts'

export interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface Place {
  readonly folder: string
  readonly smoe: (...args: readonly string[]) => Promise<Outcome>
  /** The text of a file; null where there is none. */
  readonly read: (name: string) => string | null
}

/** A folder with these files, gone when the test is; `errIsLive` for a stderr that draws progress. */
export function place(files: Readonly<Record<string, string | Uint8Array>> = {}, input = '', errIsLive = false): Place {
  const folder = mkdtempSync(join(tmpdir(), 'smoe-cli-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, contents] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), contents)
  }
  const read = (name: string): string | null => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : null)
  return { folder, read, smoe: (...args) => run(args, folder, input, errIsLive) }
}

async function run(args: readonly string[], folder: string, input: string, errIsLive: boolean): Promise<Outcome> {
  let [out, err] = ['', '']
  const code = await runCommandLine(args, {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    outHasColor: false,
    errHasColor: false,
    errIsLive,
    columns: 100,
    readInput: () => input,
    lines: () => Readable.from(input === '' ? [] : input.trimEnd().split('\n')),
    path: (typed) => resolve(folder, typed),
  })
  return { code, out, err }
}

export const LAYER = `import { swiglu } from "std/experts/swiglu"
import { top_k } from "std/policies/top_k"

/// One routed layer.
model layer(D: int = 8, F: int = 12, E: int = 4, k: int in 1..E = 2) {
  input x: f32[T, D]
  output y: f32[T, D] = moe(x) {
    experts E of swiglu(F = F)
    route top_k(k = k)
    require dropless
  }
}
`
