/**
 * A file of formats by weight: a line each, `layers.*.moe.experts.3 = int8`, for all weights whose path begins with that one; `*`
 * is any one name, `keep` leaves the weight as it is, and `#` begins a comment. Of several lines for a weight the last counts.
 */
import { cut, quoted } from '../../runtime/checkpoint/quote.ts'
import { EXIT, Failure } from '../exit.ts'
import { FORMATS, type Format } from './formats.ts'

/** A format, or null for a weight that stays as it is. */
export type Chosen = Format | null

export interface ChoiceLine {
  /** From 1 on. */
  readonly number: number
  readonly pattern: readonly string[]
  readonly format: Chosen
}

const LINE = /^([\w*-]+(?:\.[\w*-]+)*)\s*=\s*(\w+)$/

/** Throws a Failure for a line that is none. `name` is that of the file. */
export function parseChoices(text: string, name: string): readonly ChoiceLine[] {
  return text.split(/\r?\n/).flatMap((whole, at): readonly ChoiceLine[] => {
    const line = whole.replace(/#.*/, '').trim()
    if (line === '') return []
    const [, pattern, word] = LINE.exec(line) ?? []
    if (pattern === undefined)
      throw new Failure(
        EXIT.usage,
        `${name}:${at + 1}: ${quoted(line)} is not PATH = FORMAT`,
        'write layers.0.moe.experts.3 = int8',
      )
    const format = FORMATS.find((one) => one === word) ?? null
    if (format === null && word !== 'keep')
      throw new Failure(EXIT.usage, `${name}:${at + 1}: ${quoted(word)} is none of ${FORMATS.join(', ')}, keep`)
    return [{ number: at + 1, pattern: pattern.split('.'), format }]
  })
}

const isOf = (pattern: readonly string[], path: readonly string[]): boolean =>
  pattern.length <= path.length && pattern.every((part, at) => part === '*' || part === path[at])

/** The last line for a weight; undefined where none is for it. */
export function choiceFor(lines: readonly ChoiceLine[], path: string): ChoiceLine | undefined {
  const parts = path.split('.')
  return lines.findLast(({ pattern }) => isOf(pattern, parts))
}

/** Throws a Failure for a line that is for none of these weights. */
export function checkUsed(lines: readonly ChoiceLine[], paths: readonly string[], name: string): void {
  const parts = paths.map((path) => path.split('.'))
  const unused = lines.find(({ pattern }) => !parts.some((path) => isOf(pattern, path)))
  if (unused === undefined) return
  throw new Failure(
    EXIT.usage,
    `${name}:${unused.number}: no weight has a path that begins with ${quoted(unused.pattern.join('.'))}`,
    `paths are such as ${cut(paths[0])}`,
  )
}
