/** Specs and what they import: from disk, from standard input, from the standard library. */
import { readdirSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path'
import type { Load, Refusal } from '../compiler/model/modules/load.ts'
import type { Source } from '../grammar/source.ts'
import { closest } from '../grammar/suggest.ts'
import { FileError, showPath } from '../runtime/errors.ts'
import { kindOf, readRegularSync, reasonOf } from '../runtime/files/index.ts'
import { EXIT, Failure } from './exit.ts'
import { std } from './std.ts'
import type { Terminal } from './terminal.ts'

/** The parser refuses longer texts; of a longer file it gets enough to detect that. */
const SPEC_LIMIT = 4 * 1024 * 1024 + 1

/** The maximum size of other texts, in bytes. */
const TEXT_LIMIT = 2 ** 28

/** A failure for a file that is not there, with the neighbour that was probably meant. */
export function missingFile(typed: string, terminal: Terminal): Failure {
  let neighbours: readonly string[] = []
  try {
    neighbours = readdirSync(dirname(terminal.path(typed)))
  } catch {
    return new Failure(EXIT.usage, `there is no folder '${showPath(dirname(typed))}'`)
  }
  const meant = closest(basename(typed), neighbours)
  return new Failure(
    EXIT.usage,
    `there is no file '${showPath(typed)}'`,
    meant === null ? null : `did you mean '${showPath(join(dirname(typed), meant))}'?`,
  )
}

/** The text of a file that the user named. Throws a Failure if it does not exist or is not a regular file. */
export function readText(typed: string, terminal: Terminal, limit = TEXT_LIMIT): string {
  try {
    return readRegularSync(terminal.path(typed), limit).toString('utf8')
  } catch (problem) {
    const code = (problem as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') throw missingFile(typed, terminal)
    if (problem instanceof FileError) throw new Failure(EXIT.usage, `'${showPath(typed)}' ${problem.reason}`)
    throw new Failure(EXIT.usage, `cannot read '${showPath(typed)}': ${reasonOf(problem)}`)
  }
}

/** Whether a spec is read from standard input. */
export const isInput = (typed: string): boolean => typed === '-' || typed === '/dev/stdin'

function readInput(terminal: Terminal): string {
  try {
    return terminal.readInput(SPEC_LIMIT)
  } catch (problem) {
    if (!(problem instanceof Error && 'syscall' in problem)) throw problem
    throw new Failure(EXIT.usage, `cannot read standard input: ${reasonOf(problem)}`)
  }
}

const CHECKPOINT = /\.(gguf|safetensors)$/

/**
 * A spec by its path; `-` and `/dev/stdin` are standard input. Throws a Failure for a file that cannot be read, and for a
 * checkpoint in its place.
 */
export function readSource(typed: string, terminal: Terminal): Source {
  if (isInput(typed)) return { path: 'stdin.smoe', text: readInput(terminal) }
  if (CHECKPOINT.test(typed))
    throw new Failure(
      EXIT.usage,
      `'${showPath(typed)}' is a checkpoint, and a spec is expected`,
      'smoe import writes the spec of a checkpoint',
    )
  return { path: typed, text: readText(typed, terminal, SPEC_LIMIT) }
}

function stdModule(path: string): Source | null {
  const module = path.replace(/\.smoe$/, '')
  return Object.hasOwn(std, module) ? { path: `${module}.smoe`, text: std[module] } : null
}

/** A file of the user may have the path of one of the standard library. */
const isStd = ({ path, text }: Source): boolean => stdModule(path)?.text === text

/** Whether a path is that of a directory, or below it; both absolute. */
function isBelow(path: string, directory: string): boolean {
  const way = relative(directory, path)
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

interface Root {
  /** As the user wrote it. */
  readonly typed: string
  /** Absolute, with links unresolved and resolved. */
  readonly path: string
  readonly real: string
}

function rootOf(typed: string, terminal: Terminal): Root {
  const path = terminal.path(typed)
  try {
    return { typed, path, real: realpathSync(path) }
  } catch (problem) {
    throw new Failure(EXIT.usage, `the root of imports '${showPath(typed)}' cannot be read: ${reasonOf(problem)}`)
  }
}

/** The file at a path; null if there is none. Files outside the root are not read. */
function fileModule(path: string, root: Root, terminal: Terminal): Source | Refusal | null {
  const outside = { refused: `it is outside of the root of imports, '${showPath(root.typed)}'` }
  const full = terminal.path(path)
  if (!isBelow(full, root.path)) return outside
  try {
    const real = realpathSync(full)
    if (!isBelow(real, root.real)) return outside
    if (kindOf(statSync(real)) === 'directory') return null
    return { path, text: readRegularSync(real, SPEC_LIMIT).toString('utf8') }
  } catch (problem) {
    const code = (problem as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ERR_INVALID_ARG_VALUE') return null
    return { refused: problem instanceof FileError ? `it ${problem.reason}` : reasonOf(problem) }
  }
}

/** How many files beside a spec are considered where an import finds nothing. */
const MOST_BESIDE = 200

/** The other specs in the directory of a spec, as it would import them. */
function specsBeside(from: Source, terminal: Terminal): readonly string[] {
  if (from.path.startsWith('std/')) return []
  try {
    const names = readdirSync(terminal.path(dirname(from.path))).filter(
      (name) => name.endsWith('.smoe') && name !== basename(from.path),
    )
    return names
      .sort()
      .slice(0, MOST_BESIDE)
      .map((name) => `./${name.slice(0, -'.smoe'.length)}`)
  } catch {
    return []
  }
}

/**
 * Finds imports: `std/...` in the standard library, others relative to the importing file; `.smoe` is optional. They are regular
 * files below a root, by default the directory of the spec.
 */
export function createLoader(terminal: Terminal, given?: string): Load {
  let root: Root | null = given === undefined ? null : rootOf(given, terminal)
  const load = (path: string, from: Source): Source | Refusal | null => {
    if (path.startsWith('std/')) return stdModule(path)
    if (from.path.startsWith('std/')) return stdModule(join(dirname(from.path), path).replaceAll('\\', '/'))
    root ??= rootOf(dirname(from.path), terminal)
    const wanted = join(dirname(from.path), path)
    return fileModule(wanted, root, terminal) ?? fileModule(`${wanted}.smoe`, root, terminal)
  }
  return Object.assign(load, {
    paths: (from: Source) => [...specsBeside(from, terminal), ...Object.keys(std)],
    isChecked: isStd,
  })
}

/** `D=64`, `dropless=true`, `act=gelu` as values by name. Throws a Failure for anything else. */
export function parseSettings(texts: readonly string[]): Readonly<Record<string, number | boolean | string>> {
  return Object.fromEntries(
    texts.map((text) => {
      const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(text) ?? []
      if (name === undefined)
        throw new Failure(EXIT.usage, `'${text}' is not a setting`, 'write NAME=VALUE, for example --set D=64')
      if (value === 'true' || value === 'false') return [name, value === 'true']
      const number = Number(value)
      return [name, value.trim() !== '' && Number.isFinite(number) ? number : value]
    }),
  )
}
