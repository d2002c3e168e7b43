import type { Statement, WhenTrainingStatement } from '../ast.ts'
import { BlockToken, Comma, Equals, word, Word } from '../tokens.ts'
import { Statements } from './statements.ts'

/** Statements of a policy. */
export abstract class Policies extends Statements {
  readonly select = this.RULE('select', (): Statement => {
    const first = this.CONSUME(word('select'))
    this.CONSUME(word('top'))
    const count = this.SUBRULE(this.expression)
    this.CONSUME(word('by'))
    const by = this.SUBRULE1(this.expression)
    return this.ACTION(() => ({ kind: 'select', count, by, span: this.since(first) }))
  })

  readonly weigh = this.RULE('weigh', (): Statement => {
    const first = this.CONSUME(word('weigh'))
    const value = this.SUBRULE(this.expression)
    return this.ACTION(() => ({ kind: 'weigh', value, span: this.since(first) }))
  })

  readonly keep = this.RULE('keep', (): Statement => {
    const first = this.CONSUME(word('keep'))
    const value = this.SUBRULE(this.expression)
    return this.ACTION(() => ({ kind: 'keep', value, span: this.since(first) }))
  })

  readonly loss = this.RULE('loss', (): Statement => {
    const first = this.CONSUME(word('loss'))
    const name = this.CONSUME(Word)
    this.CONSUME(Equals)
    const value = this.SUBRULE(this.expression)
    return this.ACTION(() => ({ kind: 'loss', name: this.asName(name), value, doc: this.docOf(first), span: this.since(first) }))
  })

  readonly once = this.RULE('once', (): Statement => {
    const first = this.CONSUME(word('once'))
    const block = this.CONSUME(BlockToken)
    return this.ACTION(() => ({ kind: 'once', body: this.blockOf(block).statements, span: this.since(first) }))
  })

  private readonly someLayers = this.RULE('someLayers', (): Pick<WhenTrainingStatement, 'atMost'> => {
    this.CONSUME(word('at_most'))
    const atMost = this.SUBRULE(this.expression)
    this.CONSUME(word('layers'))
    this.CONSUME(word('a'))
    this.CONSUME(word('step'))
    return { atMost }
  })

  private readonly allLayers = this.RULE('allLayers', (): Pick<WhenTrainingStatement, 'isTogether'> => {
    this.CONSUME(word('all'))
    this.CONSUME(word('layers'))
    this.CONSUME(word('together'))
    return { isTogether: true }
  })

  readonly when = this.RULE('when', (): Statement => {
    const first = this.CONSUME(word('when'))
    this.CONSUME(word('training'))
    const rate = this.OPTION(() => {
      this.CONSUME(word('at'))
      return this.SUBRULE(this.expression)
    })
    const after = this.OPTION1(() => {
      this.CONSUME(word('after'))
      return this.SUBRULE1(this.expression)
    })
    const layers = this.OPTION2(() => {
      this.CONSUME(Comma)
      return this.OR([{ ALT: () => this.SUBRULE(this.someLayers) }, { ALT: () => this.SUBRULE(this.allLayers) }])
    })
    const body = this.CONSUME(BlockToken)
    const otherwise = this.OPTION3(() => {
      this.CONSUME(word('else'))
      return this.CONSUME1(BlockToken)
    })
    return this.ACTION(() => ({
      kind: 'when-training',
      rate: rate ?? null,
      after: after ?? null,
      atMost: null,
      ...layers,
      body: this.blockOf(body).statements,
      otherwise: otherwise === undefined ? null : this.blockOf(otherwise).statements,
      span: this.since(first),
    }))
  })
}
