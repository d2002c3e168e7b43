import type { Statement, WeightEntry, WeightPathPart } from '../ast.ts'
import { AnyWord, BlockToken, CloseBrace, Dot, Equals, IndexBracket, OpenBrace, StringToken, word, Word } from '../tokens.ts'
import { Policies } from './policies.ts'

/** `weights` and its entries: which tensor of a checkpoint a parameter is. */
export abstract class Weights extends Policies {
  readonly weights = this.RULE('weights', (): Statement => {
    const first = this.CONSUME(word('weights'))
    const block = this.CONSUME(BlockToken)
    return this.ACTION(() => ({ kind: 'weights', entries: this.blockOf(block).entries, span: this.since(first) }))
  })

  readonly entry = this.RULE('entry', (): WeightEntry => {
    const first = this.CONSUME(AnyWord)
    const path: WeightPathPart[] = []
    this.ACTION(() => path.push({ kind: 'name', name: this.asName(first) }))
    this.MANY(() => {
      this.CONSUME(Dot)
      const part = this.OR([
        {
          ALT: () => {
            const name = this.CONSUME1(AnyWord)
            return this.ACTION((): WeightPathPart => ({ kind: 'name', name: this.asName(name) }))
          },
        },
        {
          ALT: () => {
            this.CONSUME(OpenBrace)
            const name = this.CONSUME(Word)
            this.CONSUME(CloseBrace)
            return this.ACTION((): WeightPathPart => ({ kind: 'index', name: this.asName(name) }))
          },
        },
      ])
      this.ACTION(() => path.push(part))
    })
    this.CONSUME(Equals)
    const template = this.CONSUME(StringToken)
    const slices = this.OPTION(() => {
      this.CONSUME(IndexBracket)
      return this.SUBRULE(this.slices)
    })
    const transpose = this.OPTION1(() => {
      this.SUBRULE(this.transposed)
      return true
    })
    return this.ACTION(() => ({
      path,
      template: this.asString(template),
      slices: slices ?? null,
      transpose: transpose === true,
      span: this.since(first),
    }))
  })

  protected readonly transposed = this.RULE('transposed', (): void => {
    this.CONSUME(Dot)
    const name = this.CONSUME(AnyWord)
    this.ACTION(() => this.wantTranspose(name))
  })
}
