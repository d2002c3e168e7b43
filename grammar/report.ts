/** Collects diagnostics, and stops collecting when nobody would read on. */
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

/** Keeps the first `maximumDiagnostics` in the order of their report, and says once that there are more. */
export function createReporter(source: Source): Reporter {
  const diagnostics: Diagnostic[] = []
  const span = (start: number, end: number): Span => ({ source, start, end })
  const add = (code: Code, message: string, at: Span, extras: Extras): void => {
    const { related = [], help = null, fix = null } = extras
    diagnostics.push({ code, severity: 'error', message, span: at, related, help, fix })
  }
  const error = (code: Code, message: string, at: Span, extras: Extras = {}): void => {
    if (diagnostics.length < maximumDiagnostics) add(code, message, at, extras)
    else if (diagnostics.length === maximumDiagnostics) add('SMOE1017', 'there are more mistakes than are shown', at, {})
  }
  return { source, diagnostics, span, error }
}
