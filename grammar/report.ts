/** Collects diagnostics, up to a limit. */
import type { Code } from './codes.ts'
import type { Diagnostic } from './diagnostic.ts'
import type { Source, Span } from './source.ts'

export const maximumDiagnostics = 200

interface Extras {
  readonly related?: Diagnostic['related']
  readonly help?: string | null
  readonly fix?: Diagnostic['fix']
}

export interface Reporter {
  readonly source: Source
  readonly diagnostics: readonly Diagnostic[]
  span(start: number, end: number): Span
  error(code: Code, message: string, span: Span, extras?: Extras): void
}

/** The diagnostic that replaces `count` mistakes that are not shown. */
export const moreMistakes = (count: number, span: Span): Diagnostic => ({
  code: 'SMOE1017',
  severity: 'error',
  message: `${count} more mistakes are not shown`,
  span,
  related: [],
  help: null,
  fix: null,
})

/** Keeps the first `maximumDiagnostics` in the order of their report; where there are more, the last one counts the others. */
export function createReporter(source: Source): Reporter {
  const diagnostics: Diagnostic[] = []
  let count = 0
  const span = (start: number, end: number): Span => ({ source, start, end })
  const add = (code: Code, message: string, at: Span, extras: Extras): void => {
    const { related = [], help = null, fix = null } = extras
    diagnostics.push({ code, severity: 'error', message, span: at, related, help, fix })
  }
  const error = (code: Code, message: string, at: Span, extras: Extras = {}): void => {
    count++
    if (count <= maximumDiagnostics) add(code, message, at, extras)
    else
      diagnostics[maximumDiagnostics - 1] = moreMistakes(
        count - maximumDiagnostics + 1,
        diagnostics[maximumDiagnostics - 1]!.span,
      )
  }
  return { source, diagnostics, span, error }
}
