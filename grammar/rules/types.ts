import type { StringLiteral, TensorTypeNode, TypeNode } from '../ast.ts'
import { Bar, CloseBracket, Comma, Ellipsis, IndexBracket, StringToken, Word } from '../tokens.ts'
import { Expressions } from './expressions.ts'

/** Types, and the dimensions in them. */
export abstract class Types extends Expressions {
  protected readonly type = this.RULE('type', (): TypeNode =>
    this.OR({
      DEF: [
        {
          ALT: () => {
            const first = this.CONSUME(StringToken)
            const options: StringLiteral[] = []
            this.ACTION(() => options.push(this.asString(first)))
            this.MANY(() => {
              this.CONSUME(Bar)
              const next = this.CONSUME1(StringToken)
              this.ACTION(() => options.push(this.asString(next)))
            })
            return this.ACTION((): TypeNode => ({ kind: 'choice-type', options, span: this.since(first) }))
          },
        },
        {
          ALT: () => {
            const name = this.CONSUME(Word)
            const shape = this.OPTION(() => this.SUBRULE(this.shape))
            return this.ACTION((): TypeNode =>
              shape === undefined
                ? { kind: 'scalar-type', name: this.asName(name), span: this.tokenSpan(name) }
                : { kind: 'tensor-type', dtype: this.asName(name), ...shape, span: this.since(name) },
            )
          },
        },
      ],
      ERR_MSG: 'a type',
    }),
  )

  protected readonly shape = this.RULE('shape', (): Pick<TensorTypeNode, 'anyLeading' | 'shape'> => {
    this.CONSUME(IndexBracket)
    const any = this.OPTION1(() => {
      const dots = this.CONSUME(Ellipsis)
      this.OPTION2(() => this.CONSUME2(Comma))
      return dots
    })
    const shape = this.OPTION3(() => this.list(this.expression))
    this.CONSUME(CloseBracket)
    return { anyLeading: any !== undefined, shape: shape ?? [] }
  })

  protected readonly tensorType = this.RULE('tensorType', (): TensorTypeNode => {
    const type = this.SUBRULE(this.type)
    return this.ACTION(() => {
      if (type.kind === 'tensor-type') return type
      this.problem('SMOE1015', 'expected a tensor type', type.span, true, {
        help: 'such as `f32[B, D]`, or `f32[]` for a scalar',
      })
      const dtype = type.kind === 'scalar-type' ? type.name : { text: 'f32', span: type.span }
      return { kind: 'tensor-type', dtype, anyLeading: true, shape: [], span: type.span }
    })
  })
}
