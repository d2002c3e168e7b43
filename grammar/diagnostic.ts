/** A diagnostic, as data; `frame.ts` prints it. */
import type { Span } from './source.ts'

export type Severity = 'error' | 'warning'

export interface Diagnostic {
  /** A row of `codes.ts`: `SMOE1001`. */
  readonly code: string
  readonly severity: Severity
  readonly message: string
  readonly span: Span
  /** Other places that explain it. */
  readonly related: readonly { readonly span: Span; readonly message: string }[]
  readonly help: string | null
  /** Present only where the change is certain to be right. */
  readonly fix: { readonly span: Span; readonly replacement: string } | null
}
