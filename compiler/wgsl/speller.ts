/** How a routine asks for the text of its scalar parts, without knowing how buffers and dims are declared around it. */
import type { Dim } from '../../plan/dim.ts'
import type { Expression, Statement } from '../scalar/expression.ts'

/**
 * A routine may count on these declarations for every bound buffer NAME: `load_NAME(i: u32)` of one element,
 * `load4_NAME(i4: u32)` of elements 4 * i4 .. 4 * i4 + 3 where it asked for vectors, `store_NAME(i: u32, value)` where it writes.
 */
export interface Speller {
  expression(expression: Expression): string
  statements(statements: readonly Statement[], indent: number): string
  /** A u32 expression, the same for all invocations. */
  size(dim: Dim): string
}
