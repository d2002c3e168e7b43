import type { ParserMethod } from 'chevrotain'
import type { Expression, SliceNode } from '../ast.ts'
import { CloseBracket, Colon, Comma } from '../tokens.ts'
import { PieceParser } from './piece.ts'

/** What stands between the brackets of an index: `[i, 2:, ::2]`. */
export abstract class Slices extends PieceParser {
  protected abstract readonly expression: ParserMethod<[], Expression>

  protected readonly slices = this.RULE('slices', (): readonly SliceNode[] => {
    const list: SliceNode[] = []
    const first = this.SUBRULE(this.slice)
    this.ACTION(() => list.push(first))
    this.MANY(() => {
      this.CONSUME(Comma)
      const next = this.SUBRULE1(this.slice)
      this.ACTION(() => list.push(next))
    })
    this.CONSUME(CloseBracket)
    return list
  })

  protected readonly slice = this.RULE('slice', (): SliceNode => {
    const first = this.LA(1)
    return this.OR({
      DEF: [
        {
          ALT: () => {
            const index = this.SUBRULE(this.expression)
            const rest = this.OPTION(() => this.SUBRULE(this.sliceEnds))
            return this.ACTION((): SliceNode =>
              rest === undefined
                ? { index, start: null, stop: null, step: null, span: this.since(first) }
                : { index: null, start: index, ...rest, span: this.since(first) },
            )
          },
        },
        {
          ALT: () => {
            const rest = this.SUBRULE1(this.sliceEnds)
            return this.ACTION((): SliceNode => ({ index: null, start: null, ...rest, span: this.since(first) }))
          },
        },
      ],
      ERR_MSG: 'an index or `:`',
    })
  })

  protected readonly sliceEnds = this.RULE('sliceEnds', (): Pick<SliceNode, 'stop' | 'step'> => {
    this.CONSUME(Colon)
    const stop = this.OPTION(() => this.SUBRULE(this.expression))
    const step = this.OPTION1(() => {
      this.CONSUME1(Colon)
      return this.OPTION2(() => this.SUBRULE1(this.expression))
    })
    return { stop: stop ?? null, step: step ?? null }
  })
}
