/** The state that one Sinkhorn step passes to the next: log v, three numbers, and the column sums of every block. */
import type { Expression, Statement } from '../../scalar/expression.ts'
import { add, load, multiply, u32 } from '../../scalar/build.ts'
import { addTerms, clearSums, judge, type Scaling } from './statements.ts'

/** The offsets in a state, as `sinkhorn_step` defines it. */
export interface Places {
  readonly count: Expression
  readonly residual: Expression
  readonly done: Expression
  readonly most: (block: Expression, column: Expression) => Expression
  readonly total: (block: Expression, column: Expression) => Expression
}

export function placesOf(width: number, blocks: Expression): Places {
  const row = (block: Expression, column: Expression): Expression => add(u32(width + 3), add(multiply(block, u32(width)), column))
  return {
    count: u32(width),
    residual: u32(width + 1),
    done: u32(width + 2),
    most: row,
    total: (block, column) => row(add(blocks, block), column),
  }
}

/** The column sums of a state, and whether they have converged. */
export function judgeState(
  scaling: Scaling,
  state: string,
  places: Places,
  blocks: Expression,
  columns: string,
): readonly Statement[] {
  const [most, total] = [places.most, places.total].map(
    (place) => (block: Expression, at: Expression) => load('f32', state, place(block, at)),
  )
  return [clearSums(scaling), ...addTerms(scaling, blocks, most, total), ...judge(scaling, columns)]
}
