import type { Statement } from '../ast.ts'
import { BlockToken, CloseBracket, Colon, Comma, DotDot, Equals, IndexBracket, StringToken, word, Word } from '../tokens.ts'
import { Declarations } from './declarations.ts'

/** Statements of any body. */
export abstract class Statements extends Declarations {
  readonly let = this.RULE('let', (): Statement => {
    const first = this.OR([{ ALT: () => this.CONSUME(word('let')) }, { ALT: () => this.CONSUME(word('var')) }])
    const name = this.CONSUME(Word)
    const type = this.OPTION(() => {
      this.CONSUME(Colon)
      return this.SUBRULE(this.type)
    })
    this.CONSUME(Equals)
    const value = this.SUBRULE(this.expression)
    return this.ACTION(() => ({
      kind: 'let',
      mutable: first.image === 'var',
      name: this.asName(name),
      type: type ?? null,
      value,
      doc: this.docOf(first),
      span: this.since(first),
    }))
  })

  readonly assign = this.RULE('assign', (): Statement => {
    const name = this.CONSUME(Word)
    this.CONSUME(Equals)
    const value = this.SUBRULE(this.expression)
    return this.ACTION(() => ({ kind: 'assign', name: this.asName(name), value, span: this.since(name) }))
  })

  readonly param = this.RULE('param', (): Statement => {
    const first = this.CONSUME(word('param'))
    const name = this.CONSUME(Word)
    this.CONSUME(Colon)
    const type = this.SUBRULE(this.tensorType)
    const initialiser = this.OPTION(() => {
      this.CONSUME(Equals)
      return this.SUBRULE(this.call)
    })
    return this.ACTION(() => ({
      kind: 'param',
      name: this.asName(name),
      type,
      initialiser: initialiser ?? null,
      doc: this.docOf(first),
      span: this.since(first),
    }))
  })

  readonly inputTensor = this.RULE('inputTensor', (): Statement => {
    const first = this.CONSUME(word('input'))
    const name = this.CONSUME(Word)
    this.CONSUME(Colon)
    const type = this.SUBRULE(this.tensorType)
    return this.ACTION(() => ({ kind: 'input', name: this.asName(name), type, doc: this.docOf(first), span: this.since(first) }))
  })

  readonly output = this.RULE('output', (): Statement => {
    const first = this.CONSUME(word('output'))
    const name = this.CONSUME(Word)
    const type = this.OPTION(() => {
      this.CONSUME(Colon)
      return this.SUBRULE(this.tensorType)
    })
    this.CONSUME(Equals)
    const value = this.SUBRULE(this.expression)
    return this.ACTION(() => ({
      kind: 'output',
      name: this.asName(name),
      type: type ?? null,
      value,
      doc: this.docOf(first),
      span: this.since(first),
    }))
  })

  readonly return = this.RULE('return', (): Statement => {
    const first = this.CONSUME(word('return'))
    const value = this.SUBRULE(this.expression)
    return this.ACTION(() => ({ kind: 'return', value, span: this.since(first) }))
  })

  readonly repeat = this.RULE('repeat', (): Statement => {
    const first = this.CONSUME(word('repeat'))
    const label = this.CONSUME(Word)
    this.CONSUME(IndexBracket)
    const index = this.CONSUME1(Word)
    this.CONSUME(CloseBracket)
    this.CONSUME(word('in'))
    const from = this.SUBRULE(this.expression)
    this.CONSUME(DotDot)
    const to = this.SUBRULE1(this.expression)
    const block = this.CONSUME(BlockToken)
    return this.ACTION(() => ({
      kind: 'repeat',
      label: this.asName(label),
      index: this.asName(index),
      from,
      to,
      body: this.blockOf(block).statements,
      span: this.since(first),
    }))
  })

  readonly assert = this.RULE('assert', (): Statement => {
    const first = this.CONSUME(word('assert'))
    const condition = this.SUBRULE(this.expression)
    const message = this.OPTION(() => {
      this.CONSUME(Comma)
      return this.CONSUME(StringToken)
    })
    return this.ACTION(() => ({
      kind: 'assert',
      condition,
      message: message === undefined ? null : this.asString(message),
      span: this.since(first),
    }))
  })
}
