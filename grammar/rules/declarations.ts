import type { Declaration, DeclarationKind, Import, Parameter, RangeNode } from '../ast.ts'
import {
  Arrow,
  BlockToken,
  CallParen,
  CloseParen,
  Colon,
  DotDot,
  Equals,
  isA,
  StringToken,
  word,
  Word,
  type Token,
} from '../tokens.ts'
import { Types } from './types.ts'

const keywords = ['fn', 'block', 'expert', 'policy', 'model'].map(word)

const isWord = (token: Token): boolean => isA(token, Word)

/** The heads of declarations with their parameters, and imports. */
export abstract class Declarations extends Types {
  declaration(): Declaration {
    const keyword = this.takeOneOf(keywords)
    const name = this.take(Word)
    this.take(CallParen)
    const parameters = this.isNext(Word) ? this.list(() => this.parameter(), isWord) : []
    this.take(CloseParen)
    const result = this.takeIf(Arrow) === null ? null : this.type()
    const block = this.take(BlockToken)
    return {
      kind: 'declaration',
      declares: keyword.image as DeclarationKind,
      name: this.asName(name),
      parameters,
      result,
      body: this.blockOf(block).statements,
      doc: this.docOf(keyword),
      span: this.since(keyword),
      isPartial: false,
    }
  }

  parameter(): Parameter {
    const name = this.take(Word)
    this.take(Colon)
    const type = this.type()
    const range = this.takeIf(word('in')) === null ? null : this.range()
    const value = this.takeIf(Equals) === null ? null : this.expression()
    return { name: this.asName(name), type, range, default: value, doc: this.docOf(name), span: this.since(name) }
  }

  private range(): RangeNode {
    const first = this.next
    const low = this.isExpression() ? this.expression() : null
    const dots = this.take(DotDot)
    const high = this.isExpression() ? this.expression() : null
    return { low, high, span: this.since(first ?? dots) }
  }

  import(): Import {
    const first = this.take(word('import'))
    const block = this.take(BlockToken)
    this.take(word('from'))
    const from = this.take(StringToken)
    return { names: this.blockOf(block).names, from: this.asString(from), span: this.since(first) }
  }

  names(): Import['names'] {
    return this.list(() => this.importedName(), isWord)
  }

  private importedName(): Import['names'][number] {
    const name = this.take(Word)
    const alias = this.takeIf(word('as')) === null ? null : this.asName(this.take(Word))
    return { name: this.asName(name), alias, span: this.since(name) }
  }
}
