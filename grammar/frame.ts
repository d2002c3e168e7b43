/** Prints a diagnostic for people, as a code frame: message, place, source lines, related places, help and fix. */
import type { Diagnostic } from './diagnostic.ts'
import { clip, screenLine } from './screen.ts'
import { lineStarts, positionAt, type Source, type Span } from './source.ts'

export interface FrameOptions {
  /** ANSI colours; none by default. */
  readonly color?: boolean
}

/** Longer lines are shown in part. */
const maximumWidth = 140
const maximumFixLines = 4

type Paint = 'bold' | 'red' | 'yellow' | 'blue' | 'green' | 'cyan'
const ansi: { readonly [P in Paint]: string } = { bold: '1', red: '1;31', yellow: '1;33', blue: '1;34', green: '32', cyan: '36' }
type Brush = (paint: Paint, text: string) => string

interface Mark {
  readonly span: Span
  readonly message: string
  readonly sign: '^' | '-'
  readonly paint: Paint
}

/** The code frame, without a line break at its end. */
export function frame(diagnostic: Diagnostic, options: FrameOptions = {}): string {
  const brush = brushOf(options.color)
  const { severity, code, message, span, related, help, fix } = diagnostic
  const paint = severity === 'error' ? 'red' : 'yellow'
  const marks: readonly Mark[] = [
    { span, message: '', sign: '^', paint },
    ...related.map((one): Mark => ({ ...one, sign: '-', paint: 'cyan' })),
  ]
  const sources = new Set(marks.map((mark) => mark.span.source))
  const gutter = String(Math.max(...marks.map((mark) => lastLine(mark.span)))).length
  const rows = [`${brush(paint, `${severity}[${code}]`)}${brush('bold', `: ${message}`)}`]
  for (const source of sources)
    rows.push(
      ...snippet(
        source,
        marks.filter((mark) => mark.span.source === source),
        gutter,
        brush,
      ),
    )
  const bar = `${' '.repeat(gutter)} ${brush('blue', '=')}`
  if (help !== null)
    rows.push(...help.split('\n').map((line, i) => (i === 0 ? `${bar} help: ${line}` : `${' '.repeat(gutter)}         ${line}`)))
  if (fix !== null) rows.push(`${bar} fix:`, ...change(fix, gutter, brush))
  return rows.join('\n')
}

/** The lines of a place with a mark and a message, as a code frame has them; without a line break at its end. */
export function excerpt(span: Span, message: string, { color }: FrameOptions = {}): string {
  const gutter = String(lastLine(span)).length
  return snippet(span.source, [{ span, message, sign: '^', paint: 'yellow' }], gutter, brushOf(color)).join('\n')
}

const brushOf = (color = false): Brush =>
  color ? (paint, text) => (text === '' ? '' : `\x1b[${ansi[paint]}m${text}\x1b[0m`) : (_, text) => text

const lastLine = ({ source, start, end }: Span): number => positionAt(source, Math.max(start, end - 1)).line

/** The text of a line counted from 1, without its end. */
function lineOf(source: Source, line: number): string {
  const starts = lineStarts(source)
  const text = source.text.slice(starts[line - 1], starts[line])
  return text.replace(/\r?\n$/, '').replace(/\r$/, '')
}

function snippet(source: Source, marks: readonly Mark[], gutter: number, brush: Brush): readonly string[] {
  const { line, column } = positionAt(source, marks[0]!.span.start)
  const blank = `${' '.repeat(gutter)} ${brush('blue', '|')}`
  const rows = [`${' '.repeat(gutter)}${brush('blue', '-->')} ${source.path}:${line}:${column}`, blank]
  const lines = [...new Set(marks.flatMap(({ span }) => [positionAt(source, span.start).line, lastLine(span)]))].sort(
    (a, b) => a - b,
  )
  let shown = lines[0]!
  for (const number of lines) {
    if (number > shown + 2) rows.push(brush('blue', '...'))
    else for (let between = shown + 1; between < number; between++) rows.push(lineRow(source, between, gutter, brush, 0))
    shown = number
    const here = marks.map((mark) => cut(mark, source, number)).filter((mark) => mark !== null)
    const from = Math.min(...here.map(({ start }) => start))
    rows.push(lineRow(source, number, gutter, brush, from))
    for (const mark of here) rows.push(`${blank} ${markRow(source, number, mark, from, brush)}`)
  }
  return rows
}

interface CutMark extends Mark {
  /** Offsets within the line. */
  readonly start: number
  readonly stop: number
}

/** The part of a mark that lies in a line; its message stands at its last line. */
function cut(mark: Mark, source: Source, line: number): CutMark | null {
  const first = positionAt(source, mark.span.start).line
  const last = lastLine(mark.span)
  if (line !== first && line !== last) return null
  const begin = lineStarts(source)[line - 1]!
  const text = lineOf(source, line)
  const start = line === first ? mark.span.start - begin : text.length - text.trimStart().length
  const stop = line === last ? mark.span.end - begin : text.length
  return { ...mark, message: line === last ? mark.message : '', start, stop: Math.min(stop, Math.max(text.length, start)) }
}

function lineRow(source: Source, line: number, gutter: number, brush: Brush, from: number): string {
  const { text, skipped, isCut } = clip(lineOf(source, line), from, maximumWidth)
  const shown = `${skipped > 0 ? '...' : ''}${screenLine(text).text}${isCut ? '...' : ''}`
  return `${brush('blue', `${String(line).padStart(gutter)} |`)}${shown === '' ? '' : ` ${shown}`}`
}

function markRow(
  source: Source,
  line: number,
  { start, stop, sign, paint, message }: CutMark,
  from: number,
  brush: Brush,
): string {
  const { text, skipped } = clip(lineOf(source, line), from, maximumWidth)
  const { columns } = screenLine(text)
  const column = (offset: number): number => {
    const within = Math.max(0, Math.min(offset - skipped, text.length))
    return columns[within]! + (skipped > 0 ? 3 : 0)
  }
  const width = Math.max(1, column(stop) - column(start))
  return `${' '.repeat(column(start))}${brush(paint, `${sign.repeat(width)}${message === '' ? '' : ` ${message}`}`)}`
}

/** The lines a fix touches, before and after. */
function change(
  { span, replacement }: { readonly span: Span; readonly replacement: string },
  gutter: number,
  brush: Brush,
): readonly string[] {
  const { source } = span
  const first = positionAt(source, span.start).line
  const last = positionAt(source, span.end).line
  const begin = lineStarts(source)[first - 1]!
  const end = lineStarts(source)[last - 1]! + lineOf(source, last).length
  const before = source.text.slice(begin, end)
  const after = `${source.text.slice(begin, span.start)}${replacement}${source.text.slice(span.end, Math.max(end, span.end))}`
  const rows = (text: string, sign: string, paint: Paint): readonly string[] =>
    text
      .split('\n')
      .slice(0, maximumFixLines)
      .map((row) => clip(row, span.start - begin, maximumWidth))
      .map(({ text: part }) => `${' '.repeat(gutter)} ${brush(paint, `${sign} ${screenLine(part.replace(/\r$/, '')).text}`)}`)
  return [...rows(before, '-', 'red'), ...rows(after, '+', 'green')]
}
