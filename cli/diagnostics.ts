/** Diagnostics for people and for programs. */
import type { Diagnostic } from '../grammar/diagnostic.ts'
import { frame } from '../grammar/frame.ts'
import { positionAt, type Span } from '../grammar/source.ts'
import { EXIT, Failure } from './exit.ts'
import { plural } from './output.ts'
import type { Terminal } from './terminal.ts'

export const spanJson = (span: Span): object => ({
  path: span.source.path,
  start: positionAt(span.source, span.start),
  end: positionAt(span.source, span.end),
})

/** The form of `--format json`; lines and columns count from 1. */
export const diagnosticJson = ({ code, severity, message, span, related, help, fix }: Diagnostic): object => ({
  code,
  severity,
  message,
  ...spanJson(span),
  related: related.map((other) => ({ message: other.message, ...spanJson(other.span) })),
  help,
  fix: fix === null ? null : { replacement: fix.replacement, ...spanJson(fix.span) },
})

/** By file, in the order in which files came up, then by place: as one reads. */
export function inOrder(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const files = [...new Set(diagnostics.map(({ span }) => span.source.path))]
  const place = ({ span }: Diagnostic): number => files.indexOf(span.source.path)
  return diagnostics.toSorted((a, b) => place(a) - place(b) || a.span.start - b.span.start)
}

export const hasErrors = (diagnostics: readonly Diagnostic[]): boolean => diagnostics.some(({ severity }) => severity === 'error')

/** `2 errors and 1 warning` */
export function countWords(diagnostics: readonly Diagnostic[]): string {
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length
  const warnings = diagnostics.length - errors
  return [errors > 0 ? plural(errors, 'error') : '', warnings > 0 ? plural(warnings, 'warning') : '']
    .filter((words) => words !== '')
    .join(' and ')
}

export function writeFrames(diagnostics: readonly Diagnostic[], write: (text: string) => void, color: boolean): void {
  for (const diagnostic of inOrder(diagnostics)) write(`${frame(diagnostic, { color }).trimEnd()}\n\n`)
}

/** Shows what was found on stderr, and ends the command where an error is among it. */
export function refuseErrors(diagnostics: readonly Diagnostic[], terminal: Terminal): void {
  writeFrames(diagnostics, terminal.err, terminal.errHasColor)
  if (hasErrors(diagnostics)) throw new Failure(EXIT.diagnostics, countWords(diagnostics))
}
