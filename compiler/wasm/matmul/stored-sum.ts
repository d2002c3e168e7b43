/** Matmuls that store nothing but their sums. */
import { add, canonical, idOf, multiply, size } from '../../scalar/build.ts'
import type { Expression } from '../../scalar/expression.ts'
import { COLUMN, ROW, sumOf, type Matmul } from '../../kernel/ir/matmul.ts'

const isSame = (a: Expression, b: Expression): boolean => idOf(canonical(a)) === idOf(b)

/**
 * The buffer in which the matmul of a weight gradient stores its sums as they are, [rows, columns] in order; null for another
 * epilogue, or for sums over all of K.
 */
export function storedSum({ columns, kRange, epilogue }: Matmul): string | null {
  const [stored] = epilogue
  if (kRange.kind === 'all' || epilogue.length !== 1 || stored.kind !== 'store') return null
  const place = add(multiply(ROW, size(columns)), COLUMN)
  return isSame(stored.index, place) && isSame(stored.value, sumOf(0)) ? stored.buffer : null
}
