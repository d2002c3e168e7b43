/** An output never takes the place of what the same command reads, or of another of its outputs. */
import { readdirSync, statSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import { EXIT, Failure } from './exit.ts'
import type { Terminal } from './terminal.ts'

/** `--out`, or a word for it -> the path as typed; left out where it is undefined. */
export type NamedPaths = readonly (readonly [name: string, typed: string | undefined])[]

const statsOf = (path: string): Stats | null => statSync(path, { throwIfNoEntry: false }) ?? null

/** One file under whatever names; devices such as /dev/null keep nothing. */
function identityOf(path: string): string | null {
  try {
    const stats = statsOf(path)
    if (stats === null) return path
    return stats.isFile() ? `${stats.dev}:${stats.ino}` : null
  } catch {
    // the reader or the writer says what is wrong with the path
    return null
  }
}

/** What a checkpoint's directory is read from. */
const MODEL_FILE = /^(config|model.*|tokenizer)\.(safetensors|json)$/

function filesOf(path: string): readonly string[] {
  try {
    return statsOf(path)?.isDirectory() === true
      ? readdirSync(path)
          .filter((name) => MODEL_FILE.test(name))
          .map((name) => join(path, name))
      : [path]
  } catch {
    return []
  }
}

/** Throws a Failure that names both, before anything is written. */
export function keepApart(outputs: NamedPaths, inputs: NamedPaths, terminal: Terminal): void {
  const read = new Map<string, string>()
  for (const [name, typed] of inputs) {
    if (typed === undefined || typed === '-') continue
    for (const file of filesOf(terminal.path(typed))) read.set(identityOf(file) ?? '', name)
  }
  const written = new Map<string, string>()
  for (const [name, typed] of outputs) {
    if (typed === undefined || typed === '') continue
    const identity = identityOf(terminal.path(typed))
    if (identity === null) continue
    const other = read.get(identity) ?? written.get(identity)
    if (other !== undefined && other !== name)
      throw new Failure(
        EXIT.usage,
        `${name} and ${other} are one file, '${typed}'`,
        'give the output another name: nothing was written',
      )
    written.set(identity, name)
  }
}
