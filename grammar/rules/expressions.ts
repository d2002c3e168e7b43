import type { IToken } from 'chevrotain'
import type { BinaryOperator, Expression, UnaryOperator } from '../ast.ts'
import { associate, deepen, depthOf, type ChainLink, type PrefixSign } from '../build.ts'
import { foreignMembers } from '../foreign.ts'
import {
  AnyWord,
  CallParen,
  CloseBracket,
  CloseParen,
  Dot,
  IndexBracket,
  Minus,
  NumberToken,
  OpenBracket,
  OpenParen,
  Operator,
  StringToken,
  word,
  Word,
} from '../tokens.ts'
import { Calls } from './calls.ts'

/** What the lexer could not read as a number has been reported; its value is none. */
const isNumber = (image: string): boolean => /^(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(image)

/** Expressions: conditionals, chains of operators, operands with their signs, indexes and `.T`. */
export abstract class Expressions extends Calls {
  protected readonly expression = this.RULE('expression', (): Expression =>
    this.OR({
      DEF: [{ ALT: () => this.SUBRULE(this.conditional) }, { ALT: () => this.SUBRULE(this.chain) }],
      ERR_MSG: 'an expression',
    }),
  )

  protected readonly conditional = this.RULE('conditional', (): Expression => {
    const first = this.CONSUME(word('if'))
    const condition = this.SUBRULE(this.expression)
    this.CONSUME(word('then'))
    const then = this.SUBRULE1(this.expression)
    this.CONSUME(word('else'))
    const otherwise = this.SUBRULE2(this.expression)
    return this.ACTION(() => {
      this.deepest = Math.max(this.deepest, 1 + depthOf(condition), 1 + depthOf(then), 1 + depthOf(otherwise))
      return deepen({ kind: 'conditional', condition, then, otherwise, span: this.since(first) }, [condition, then, otherwise])
    })
  })

  protected readonly chain = this.RULE('chain', (): Expression => {
    const links: ChainLink[] = []
    const first = this.SUBRULE(this.operand)
    this.ACTION(() => links.push({ ...first, joint: null }))
    this.MANY(() => {
      const joint = this.CONSUME(Operator)
      const next = this.SUBRULE1(this.operand)
      this.ACTION(() => links.push({ ...next, joint: joint.image as BinaryOperator }))
    })
    return this.ACTION(() => {
      const chain = associate(links)
      this.deepest = Math.max(this.deepest, depthOf(chain))
      return chain
    })
  })

  protected readonly operand = this.RULE('operand', (): Omit<ChainLink, 'joint'> => {
    const prefixes: PrefixSign[] = []
    this.MANY(() => {
      const sign = this.OR([{ ALT: () => this.CONSUME(Minus) }, { ALT: () => this.CONSUME(word('not')) }])
      this.ACTION(() => prefixes.push({ operator: sign.image as UnaryOperator, span: this.tokenSpan(sign) }))
    })
    const start = this.LA(1)
    let operand = this.SUBRULE(this.atom)
    this.MANY1(() => {
      operand = this.OR1([{ ALT: () => this.indexed(operand, start) }, { ALT: () => this.member(operand, start) }])
    })
    return { prefixes, operand }
  })

  /** `[...]` after an operand that begins with `start`. */
  private indexed(operand: Expression, start: IToken): Expression {
    this.CONSUME(IndexBracket)
    const slices = this.SUBRULE(this.slices)
    return this.ACTION((): Expression => {
      const parts = slices.flatMap(({ index, start, stop, step }) => [index, start, stop, step].filter((part) => part !== null))
      return deepen({ kind: 'index', operand, slices, span: this.since(start) }, [operand, ...parts])
    })
  }

  /** `.T` after an operand that begins with `start`; or `experts.name`, what a policy sees of its experts. */
  private member(operand: Expression, start: IToken): Expression {
    this.CONSUME(Dot)
    const name = this.CONSUME(AnyWord)
    return this.ACTION((): Expression => {
      const span = this.since(start)
      const isOfExperts = operand.kind === 'name' && operand.name.text === 'experts' && name.image !== 'T'
      if (isOfExperts) return { kind: 'member', of: operand.name, name: this.asName(name), span }
      this.wantTranspose(name)
      return deepen({ kind: 'transpose', operand, span }, [operand])
    })
  }

  protected wantTranspose(name: IToken): void {
    if (name.image === 'T') return
    const fix = name.image === 't' ? { span: this.tokenSpan(name), replacement: 'T' } : null
    this.problem('SMOE1001', `expected \`T\` after \`.\`, found \`${name.image}\``, this.tokenSpan(name), false, {
      help: foreignMembers.get(name.image) ?? 'values have no members except `.T`, which swaps the last two axes',
      fix,
    })
  }

  protected readonly atom = this.RULE('atom', (): Expression =>
    this.OR<Expression>({
      DEF: [
        { ALT: () => this.SUBRULE(this.call) },
        { ALT: () => this.SUBRULE(this.moe) },
        { ALT: () => this.SUBRULE(this.literal) },
        {
          ALT: () => {
            const name = this.CONSUME(Word)
            return this.ACTION((): Expression => ({ kind: 'name', name: this.asName(name), span: this.tokenSpan(name) }))
          },
        },
        {
          ALT: () => {
            this.OR1([{ ALT: () => this.CONSUME(OpenParen) }, { ALT: () => this.CONSUME(CallParen) }])
            const inner = this.SUBRULE(this.expression)
            this.CONSUME(CloseParen)
            return inner
          },
        },
        { ALT: () => this.SUBRULE(this.listing) },
      ],
      ERR_MSG: 'an expression',
    }),
  )

  protected readonly literal = this.RULE('literal', (): Expression =>
    this.OR<Expression>([
      {
        ALT: () => {
          const token = this.CONSUME(NumberToken)
          return this.ACTION((): Expression => {
            const isInteger = /^\d+$/.test(token.image)
            return {
              kind: 'number',
              value: isNumber(token.image) ? Number(token.image) : NaN,
              isInteger,
              span: this.tokenSpan(token),
            }
          })
        },
      },
      {
        ALT: () => {
          const token = this.CONSUME(StringToken)
          return this.ACTION((): Expression => this.asString(token))
        },
      },
      {
        ALT: () => {
          const token = this.OR1([{ ALT: () => this.CONSUME(word('true')) }, { ALT: () => this.CONSUME(word('false')) }])
          return this.ACTION((): Expression => ({ kind: 'boolean', value: token.image === 'true', span: this.tokenSpan(token) }))
        },
      },
    ]),
  )

  /** `[a, b]`, maybe empty. */
  protected readonly listing = this.RULE('listing', (): Expression => {
    const first = this.OR([{ ALT: () => this.CONSUME(OpenBracket) }, { ALT: () => this.CONSUME(IndexBracket) }])
    const items = this.OPTION1(() => this.list(this.expression))
    this.CONSUME(CloseBracket)
    return this.ACTION((): Expression => deepen({ kind: 'list', items: items ?? [], span: this.since(first) }, items ?? []))
  })
}
