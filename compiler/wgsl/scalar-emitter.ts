/** The WGSL of scalar code, as templates ask for it; buffers and dims are declared by the module. */
import type { Dim } from '../../plan/dim.ts'
import type { Expression, Statement } from '../scalar/expression.ts'

/**
 * The module declares for every buffer NAME: `load_NAME(i: u32)` of one element, `load4_NAME(i4: u32)` of elements 4 * i4 .. 4 *
 * i4 + 3 where the template asks for vec4, `store_NAME(i: u32, value)` where the kernel writes.
 */
export interface ScalarEmitter {
  expression(expression: Expression): string
  statements(statements: readonly Statement[], indent: number): string
  /** A uniform u32 expression. */
  size(dim: Dim): string
}
