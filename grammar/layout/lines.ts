import { positionAt, type Source } from '../source.ts'
import type { Token } from '../tokens.ts'

/** Of each token: is it the first on its line, and the column at which its line begins. */
export interface Lines {
  readonly firsts: readonly boolean[]
  readonly columns: readonly number[]
}

export function linesOf(tokens: readonly Token[], source: Source): Lines {
  const firsts: boolean[] = []
  const columns: number[] = []
  let line = 0
  for (const token of tokens) {
    const position = positionAt(source, token.startOffset)
    const isFirst = position.line !== line
    firsts.push(isFirst)
    columns.push(isFirst ? position.column : columns.at(-1)!)
    line = position.line
  }
  return { firsts, columns }
}
