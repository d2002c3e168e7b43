import type { Statement, WhenTrainingStatement } from '../ast.ts'
import { BlockToken, Comma, Equals, word, Word } from '../tokens.ts'
import { Statements } from './statements.ts'

/** Statements of a policy. */
export abstract class Policies extends Statements {
  select(): Statement {
    const first = this.take(word('select'))
    this.take(word('top'))
    const count = this.expression()
    this.take(word('by'))
    const by = this.expression()
    return { kind: 'select', count, by, span: this.since(first) }
  }

  weigh(): Statement {
    const first = this.take(word('weigh'))
    const value = this.expression()
    return { kind: 'weigh', value, span: this.since(first) }
  }

  keep(): Statement {
    const first = this.take(word('keep'))
    const value = this.expression()
    return { kind: 'keep', value, span: this.since(first) }
  }

  loss(): Statement {
    const first = this.take(word('loss'))
    const name = this.take(Word)
    this.take(Equals)
    const value = this.expression()
    return { kind: 'loss', name: this.asName(name), value, doc: this.docOf(first), span: this.since(first) }
  }

  once(): Statement {
    const first = this.take(word('once'))
    const block = this.take(BlockToken)
    return { kind: 'once', body: this.blockOf(block).statements, span: this.since(first) }
  }

  when(): Statement {
    const first = this.take(word('when'))
    this.take(word('training'))
    const rate = this.takeIf(word('at')) === null ? null : this.expression()
    const after = this.takeIf(word('after')) === null ? null : this.expression()
    const layers = this.takeIf(Comma) === null ? {} : this.layers()
    const body = this.take(BlockToken)
    const otherwise = this.takeIf(word('else')) === null ? null : this.blockOf(this.take(BlockToken)).statements
    return {
      kind: 'when-training',
      rate,
      after,
      atMost: null,
      ...layers,
      body: this.blockOf(body).statements,
      otherwise,
      span: this.since(first),
    }
  }

  private layers(): Partial<Pick<WhenTrainingStatement, 'atMost' | 'isTogether'>> {
    if (this.isNext(word('at_most'))) return this.someLayers()
    if (this.isNext(word('all'))) return this.allLayers()
    return this.refuse('another word', true)
  }

  private someLayers(): Pick<WhenTrainingStatement, 'atMost'> {
    this.take(word('at_most'))
    const atMost = this.expression()
    this.take(word('layers'))
    this.take(word('a'))
    this.take(word('step'))
    return { atMost }
  }

  private allLayers(): Pick<WhenTrainingStatement, 'isTogether'> {
    this.take(word('all'))
    this.take(word('layers'))
    this.take(word('together'))
    return { isTogether: true }
  }
}
