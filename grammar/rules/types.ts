import type { StringLiteral, TensorTypeNode, TypeNode } from '../ast.ts'
import { Bar, CloseBracket, Comma, Ellipsis, IndexBracket, StringToken, Word } from '../tokens.ts'
import { Expressions } from './expressions.ts'
import { beginsExpression } from './slices.ts'

/** Types, and the dimensions in them. */
export abstract class Types extends Expressions {
  protected type(): TypeNode {
    if (this.isNext(StringToken)) return this.choiceType()
    if (this.isNext(Word)) return this.namedType()
    return this.refuse('a type', true)
  }

  private choiceType(): TypeNode {
    const first = this.take(StringToken)
    const options: StringLiteral[] = [this.asString(first)]
    while (this.takeIf(Bar) !== null) options.push(this.asString(this.take(StringToken)))
    return { kind: 'choice-type', options, span: this.since(first) }
  }

  private namedType(): TypeNode {
    const name = this.take(Word)
    if (!this.isNext(IndexBracket)) return { kind: 'scalar-type', name: this.asName(name), span: this.tokenSpan(name) }
    const shape = this.shape()
    return { kind: 'tensor-type', dtype: this.asName(name), ...shape, span: this.since(name) }
  }

  private shape(): Pick<TensorTypeNode, 'anyLeading' | 'shape'> {
    this.take(IndexBracket)
    const anyLeading = this.takeIf(Ellipsis) !== null
    if (anyLeading) this.takeIf(Comma)
    const shape = this.isExpression() ? this.list(() => this.expression(), beginsExpression) : []
    this.take(CloseBracket)
    return { anyLeading, shape }
  }

  protected tensorType(): TensorTypeNode {
    const type = this.type()
    if (type.kind === 'tensor-type') return type
    this.problem('SMOE1015', 'expected a tensor type', type.span, true, {
      help: 'such as `f32[B, D]`, or `f32[]` for a scalar',
    })
    const dtype = type.kind === 'scalar-type' ? type.name : { text: 'f32', span: type.span }
    return { kind: 'tensor-type', dtype, anyLeading: true, shape: [], span: type.span }
  }
}
