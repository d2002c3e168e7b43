/** Specs and what they import: from disk, from standard input, from the standard library. */
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Source } from '../grammar/source.ts'
import { closest } from '../grammar/suggest.ts'
import { EXIT, Failure } from './exit.ts'
import { std } from './std.ts'
import type { Terminal } from './terminal.ts'

const LIMIT = 4 * 1024 * 1024

/** A failure for a file that is not there, with the neighbour that was probably meant. */
export function missingFile(typed: string, terminal: Terminal): Failure {
  let neighbours: readonly string[] = []
  try {
    neighbours = readdirSync(dirname(terminal.path(typed)))
  } catch {
    return new Failure(EXIT.usage, `there is no folder '${dirname(typed)}'`)
  }
  const meant = closest(basename(typed), neighbours)
  return new Failure(EXIT.usage, `there is no file '${typed}'`, meant === null ? null : `did you mean '${join(dirname(typed), meant)}'?`)
}

/** The text of a file the user named. */
export function readText(typed: string, terminal: Terminal): string {
  try {
    return readFileSync(terminal.path(typed), 'utf8')
  } catch (problem) {
    const code = (problem as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') throw missingFile(typed, terminal)
    if (code === 'EISDIR') throw new Failure(EXIT.usage, `'${typed}' is a folder, not a file`)
    throw new Failure(EXIT.usage, `cannot read '${typed}': ${(problem as Error).message}`)
  }
}

/** A spec by its path; `-` is standard input. */
export const readSource = (typed: string, terminal: Terminal): Source =>
  typed === '-' ? { path: 'stdin.smoe', text: terminal.readInput() } : { path: typed, text: readText(typed, terminal) }

function stdModule(path: string): Source | null {
  const module = path.replace(/\.smoe$/, '')
  return Object.hasOwn(std, module) ? { path: `${module}.smoe`, text: std[module] } : null
}

function fileModule(path: string, terminal: Terminal): Source | null {
  const full = terminal.path(path)
  const { size } = statSync(full)
  // a longer text than the parser takes tells it so just as well
  return { path, text: readFileSync(full, 'utf8').slice(0, Math.min(size, LIMIT + 1)) }
}

/** Finds imports: `std/...` in the standard library, all else relative to the file that imports; `.smoe` may be left out. */
export const createLoader =
  (terminal: Terminal) =>
  (path: string, from: Source): Source | null => {
    if (path.startsWith('std/')) return stdModule(path)
    if (from.path.startsWith('std/')) return stdModule(join(dirname(from.path), path).replaceAll('\\', '/'))
    const relative = join(dirname(from.path), path)
    for (const candidate of [relative, `${relative}.smoe`]) {
      try {
        return fileModule(candidate, terminal)
      } catch {
        // the next spelling
      }
    }
    return null
  }

/** `D=64`, `dropless=true`, `act=gelu` as values by name. Throws a Failure for anything else. */
export function parseSettings(texts: readonly string[]): Readonly<Record<string, number | boolean | string>> {
  return Object.fromEntries(
    texts.map((text) => {
      const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(text) ?? []
      if (name === undefined) throw new Failure(EXIT.usage, `'${text}' is no setting`, 'write NAME=VALUE, for example --set D=64')
      if (value === 'true' || value === 'false') return [name, value === 'true']
      const number = Number(value)
      return [name, value.trim() !== '' && Number.isFinite(number) ? number : value]
    }),
  )
}
