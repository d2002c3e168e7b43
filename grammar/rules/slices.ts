import type { Expression, SliceNode } from '../ast.ts'
import {
  CallParen,
  CloseBracket,
  Colon,
  Comma,
  IndexBracket,
  isA,
  Minus,
  NumberToken,
  OpenBracket,
  OpenParen,
  StringToken,
  word,
  Word,
  type Token,
} from '../tokens.ts'
import { PieceParser } from './piece.ts'

const beginnings = [
  ...[Word, NumberToken, StringToken, Minus, OpenParen, CallParen, OpenBracket, IndexBracket],
  ...['if', 'not', 'moe', 'true', 'false'].map(word),
]

export const beginsExpression = (token: Token): boolean => beginnings.some((type) => isA(token, type))

/** What stands between the brackets of an index: `[i, 2:, ::2]`. */
export abstract class Slices extends PieceParser {
  abstract expression(): Expression

  protected isExpression(): boolean {
    return this.next !== undefined && beginsExpression(this.next)
  }

  protected slices(): readonly SliceNode[] {
    const list = [this.slice()]
    while (this.takeIf(Comma) !== null) list.push(this.slice())
    this.take(CloseBracket)
    return list
  }

  private slice(): SliceNode {
    const first = this.next
    if (first === undefined || !(beginsExpression(first) || isA(first, Colon))) this.refuse('an index or `:`', true)
    const index = isA(first, Colon) ? null : this.expression()
    if (!this.isNext(Colon)) return { index, start: null, stop: null, step: null, span: this.since(first) }
    const ends = this.sliceEnds()
    return { index: null, start: index, ...ends, span: this.since(first) }
  }

  private sliceEnds(): Pick<SliceNode, 'stop' | 'step'> {
    this.take(Colon)
    const stop = this.isExpression() ? this.expression() : null
    const step = this.takeIf(Colon) !== null && this.isExpression() ? this.expression() : null
    return { stop, step }
  }
}
