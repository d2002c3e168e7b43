import type { Statement, WeightLine, WeightPathPart } from '../ast.ts'
import {
  AnyWord,
  BlockToken,
  CloseBrace,
  Comma,
  Dot,
  Equals,
  IndexBracket,
  OpenBrace,
  StringToken,
  word,
  Word,
} from '../tokens.ts'
import { Policies } from './policies.ts'

const partBeginnings = [AnyWord, OpenBrace]

/** `weights`, its entries and groups of entries: which tensor of a checkpoint a parameter is. */
export abstract class Weights extends Policies {
  weights(): Statement {
    const first = this.take(word('weights'))
    const block = this.take(BlockToken)
    return { kind: 'weights', entries: this.blockOf(block).entries, span: this.since(first) }
  }

  entry(): WeightLine {
    const first = this.next
    const path: WeightPathPart[] = [this.pathPart()]
    while (this.takeIf(Dot) !== null) path.push(this.pathPart())
    this.take(Equals)
    const template = this.take(StringToken)
    const block = this.takeIf(BlockToken)
    if (block !== null) {
      const { entries } = this.blockOf(block)
      return { kind: 'weight-group', path, template: this.asString(template), entries, span: this.since(first!) }
    }
    const slices = this.takeIf(IndexBracket) === null ? null : this.slices()
    const transpose = this.takeIf(Dot) !== null
    if (transpose) this.wantTranspose(this.take(AnyWord))
    return { kind: 'weight-entry', path, template: this.asString(template), slices, transpose, span: this.since(first!) }
  }

  private pathPart(): WeightPathPart {
    const first = this.takeOneOf(partBeginnings)
    if (first.tokenType !== OpenBrace) return { kind: 'name', name: this.asName(first) }
    const name = this.asName(this.take(Word))
    const names = [name]
    while (this.takeIf(Comma) !== null) names.push(this.asName(this.take(AnyWord)))
    this.take(CloseBrace)
    return names.length === 1 ? { kind: 'index', name } : { kind: 'choice', names }
  }
}
