/** Errors after checking as diagnostics with a place: limits of the target, and sizes that exceed the exact integers. */
import type { Diagnostic } from '../../grammar/diagnostic.ts'
import type { Span } from '../../grammar/source.ts'
import { DimRangeError } from '../../plan/dim.ts'
import { LimitError } from './limit-error.ts'

/**
 * The diagnostic; it stands at `place` where the problem has no place of its own. Throws any other problem again: that is our
 * fault.
 */
export function refusalOf(problem: unknown, place: Span | null): Diagnostic {
  const span = problem instanceof LimitError ? (problem.origin.span ?? place) : place
  if (span === null) throw problem
  const refusal = (code: Diagnostic['code'], message: string, help: string): Diagnostic => ({
    code,
    severity: 'error',
    message,
    span,
    related: [],
    help,
    fix: null,
  })
  if (problem instanceof LimitError) return refusal(problem.code, problem.message, problem.help)
  if (!(problem instanceof DimRangeError)) throw problem
  return refusal(
    'SMOE4006',
    `a size of this model is beyond ${Number.MAX_SAFE_INTEGER}, the largest exact integer`,
    'smaller parameters',
  )
}
