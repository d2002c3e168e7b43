import type { Statement } from '../ast.ts'
import { BlockToken, CloseBracket, Colon, Comma, DotDot, Equals, IndexBracket, StringToken, word, Word } from '../tokens.ts'
import { Declarations } from './declarations.ts'

const bindings = [word('let'), word('var')]

/** Statements of any body. */
export abstract class Statements extends Declarations {
  let(): Statement {
    const first = this.takeOneOf(bindings)
    const name = this.take(Word)
    const type = this.takeIf(Colon) === null ? null : this.type()
    this.take(Equals)
    const value = this.expression()
    return {
      kind: 'let',
      mutable: first.image === 'var',
      name: this.asName(name),
      type,
      value,
      doc: this.docOf(first),
      span: this.since(first),
    }
  }

  assign(): Statement {
    const name = this.take(Word)
    this.take(Equals)
    const value = this.expression()
    return { kind: 'assign', name: this.asName(name), value, span: this.since(name) }
  }

  param(): Statement {
    const first = this.take(word('param'))
    const name = this.take(Word)
    this.take(Colon)
    const type = this.tensorType()
    const initialiser = this.takeIf(Equals) === null ? null : this.call()
    return {
      kind: 'param',
      name: this.asName(name),
      type,
      initialiser,
      doc: this.docOf(first),
      span: this.since(first),
    }
  }

  inputTensor(): Statement {
    const first = this.take(word('input'))
    const name = this.take(Word)
    this.take(Colon)
    const type = this.tensorType()
    return { kind: 'input', name: this.asName(name), type, doc: this.docOf(first), span: this.since(first) }
  }

  output(): Statement {
    const first = this.take(word('output'))
    const name = this.take(Word)
    const type = this.takeIf(Colon) === null ? null : this.tensorType()
    this.take(Equals)
    const value = this.expression()
    return { kind: 'output', name: this.asName(name), type, value, doc: this.docOf(first), span: this.since(first) }
  }

  return(): Statement {
    const first = this.take(word('return'))
    const value = this.expression()
    return { kind: 'return', value, span: this.since(first) }
  }

  repeat(): Statement {
    const first = this.take(word('repeat'))
    const label = this.take(Word)
    this.take(IndexBracket)
    const index = this.take(Word)
    this.take(CloseBracket)
    this.take(word('in'))
    const from = this.expression()
    this.take(DotDot)
    const to = this.expression()
    const block = this.take(BlockToken)
    return {
      kind: 'repeat',
      label: this.asName(label),
      index: this.asName(index),
      from,
      to,
      body: this.blockOf(block).statements,
      span: this.since(first),
    }
  }

  assert(): Statement {
    const first = this.take(word('assert'))
    const condition = this.expression()
    const message = this.takeIf(Comma) === null ? null : this.asString(this.take(StringToken))
    return { kind: 'assert', condition, message, span: this.since(first) }
  }
}
