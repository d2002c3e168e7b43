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
  type Token,
} from '../tokens.ts'
import { Calls } from './calls.ts'
import { beginsExpression } from './slices.ts'

/** What the lexer could not read as a number has been reported; its value is none. */
const isNumber = (image: string): boolean => /^(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(image)

const signs = [Minus, word('not')]
const booleans = [word('true'), word('false')]
const opensGroup = [OpenParen, CallParen]
const opensList = [OpenBracket, IndexBracket]

/** Expressions: conditionals, chains of operators, operands with their signs, indexes and `.T`. */
export abstract class Expressions extends Calls {
  expression(): Expression {
    if (!this.isExpression()) this.refuse('an expression', true)
    return this.isNext(word('if')) ? this.conditional() : this.chain()
  }

  private conditional(): Expression {
    const first = this.take(word('if'))
    const condition = this.expression()
    this.take(word('then'))
    const then = this.expression()
    this.take(word('else'))
    const otherwise = this.expression()
    this.deepest = Math.max(this.deepest, 1 + depthOf(condition), 1 + depthOf(then), 1 + depthOf(otherwise))
    return deepen({ kind: 'conditional', condition, then, otherwise, span: this.since(first) }, [condition, then, otherwise])
  }

  private chain(): Expression {
    const links: ChainLink[] = [{ ...this.operand(), joint: null }]
    while (this.isNext(Operator)) {
      const joint = this.take(Operator).image as BinaryOperator
      links.push({ ...this.operand(), joint })
    }
    const chain = associate(links)
    this.deepest = Math.max(this.deepest, depthOf(chain))
    return chain
  }

  protected operand(): Omit<ChainLink, 'joint'> {
    const prefixes: PrefixSign[] = []
    while (this.isNext(...signs)) {
      const sign = this.takeOneOf(signs)
      prefixes.push({ operator: sign.image as UnaryOperator, span: this.tokenSpan(sign) })
    }
    const start = this.next
    let operand = this.atom()
    while (start !== undefined && this.isNext(IndexBracket, Dot)) {
      operand = this.isNext(Dot) ? this.member(operand, start) : this.indexed(operand, start)
    }
    return { prefixes, operand }
  }

  /** `[...]` after an operand that begins with `start`. */
  private indexed(operand: Expression, start: Token): Expression {
    this.take(IndexBracket)
    const slices = this.slices()
    const parts = slices.flatMap(({ index, start, stop, step }) => [index, start, stop, step].filter((part) => part !== null))
    return deepen({ kind: 'index', operand, slices, span: this.since(start) }, [operand, ...parts])
  }

  /** `.T` after an operand that begins with `start`; or `experts.name`, what a policy sees of its experts. */
  private member(operand: Expression, start: Token): Expression {
    this.take(Dot)
    const name = this.take(AnyWord)
    const span = this.since(start)
    const isOfExperts = operand.kind === 'name' && operand.name.text === 'experts' && name.image !== 'T'
    if (isOfExperts) return { kind: 'member', of: operand.name, name: this.asName(name), span }
    this.wantTranspose(name)
    return deepen({ kind: 'transpose', operand, span }, [operand])
  }

  protected wantTranspose(name: Token): void {
    if (name.image === 'T') return
    const fix = name.image === 't' ? { span: this.tokenSpan(name), replacement: 'T' } : null
    this.problem('SMOE1001', `expected \`T\` after \`.\`, found \`${name.image}\``, this.tokenSpan(name), false, {
      help: foreignMembers.get(name.image) ?? 'values have no members except `.T`, which swaps the last two axes',
      fix,
    })
  }

  private atom(): Expression {
    if (this.isNext(Word)) return this.isSecond(CallParen) ? this.call() : this.name()
    if (this.isNext(NumberToken)) return this.literalNumber()
    if (this.isNext(StringToken)) return this.asString(this.take(StringToken))
    if (this.isNext(...booleans)) return this.boolean()
    if (this.isNext(word('moe'))) return this.moe()
    if (this.isNext(...opensGroup)) return this.grouped()
    if (this.isNext(...opensList)) return this.listing()
    return this.refuse('an expression', true)
  }

  private name(): Expression {
    const name = this.take(Word)
    return { kind: 'name', name: this.asName(name), span: this.tokenSpan(name) }
  }

  private literalNumber(): Expression {
    const token = this.take(NumberToken)
    return {
      kind: 'number',
      value: isNumber(token.image) ? Number(token.image) : NaN,
      isInteger: /^\d+$/.test(token.image),
      span: this.tokenSpan(token),
    }
  }

  private boolean(): Expression {
    const token = this.takeOneOf(booleans)
    return { kind: 'boolean', value: token.image === 'true', span: this.tokenSpan(token) }
  }

  private grouped(): Expression {
    this.takeOneOf(opensGroup)
    const inner = this.expression()
    this.take(CloseParen)
    return inner
  }

  /** `[a, b]`, maybe empty. */
  private listing(): Expression {
    const first = this.takeOneOf(opensList)
    const items = this.isExpression() ? this.list(() => this.expression(), beginsExpression) : []
    this.take(CloseBracket)
    return deepen({ kind: 'list', items, span: this.since(first) }, items)
  }
}
