import type { Constraint, OverflowRule } from '../ast.ts'
import { associate } from '../build.ts'
import { Percent, word } from '../tokens.ts'
import { Weights } from './weights.ts'

/** The constraints of a `moe`. */
export abstract class Constraints extends Weights {
  protected readonly constraint = this.RULE('constraint', (): Constraint =>
    this.OR<Constraint>({
      DEF: [
        { ALT: () => this.SUBRULE(this.dropless) },
        { ALT: () => this.SUBRULE(this.capacity) },
        { ALT: () => this.SUBRULE(this.groups) },
        { ALT: () => this.SUBRULE(this.biasBalanced) },
        { ALT: () => this.SUBRULE(this.balancedWithin) },
        { ALT: () => this.SUBRULE(this.expertChoice) },
        { ALT: () => this.SUBRULE(this.atMost) },
        { ALT: () => this.SUBRULE(this.eachToken) },
      ],
      ERR_MSG:
        'a constraint: `dropless`, `capacity`, `groups`, `bias balanced`, `balanced within`, `expert choice`, `at most` or `each token`',
    }),
  )

  protected readonly dropless = this.RULE('dropless', (): Constraint => {
    const first = this.CONSUME(word('dropless'))
    return this.ACTION(() => ({ kind: 'dropless', span: this.since(first) }))
  })

  protected readonly capacity = this.RULE('capacity', (): Constraint => {
    const first = this.CONSUME(word('capacity'))
    const factor = this.SUBRULE(this.expression)
    this.CONSUME(word('overflow'))
    const rule = this.OR({
      DEF: [
        { ALT: () => this.CONSUME(word('drop')) },
        { ALT: () => this.CONSUME(word('next')) },
        { ALT: () => this.CONSUME(word('shared')) },
      ],
      ERR_MSG: '`drop`, `next` or `shared`',
    })
    return this.ACTION(() => ({ kind: 'capacity', factor, overflow: rule.image as OverflowRule, span: this.since(first) }))
  })

  protected readonly groups = this.RULE('groups', (): Constraint => {
    const first = this.CONSUME(word('groups'))
    const count = this.SUBRULE(this.expression)
    this.CONSUME(word('keep'))
    const keep = this.SUBRULE1(this.expression)
    return this.ACTION(() => ({ kind: 'groups', count, keep, span: this.since(first) }))
  })

  protected readonly biasBalanced = this.RULE('biasBalanced', (): Constraint => {
    const first = this.CONSUME(word('bias'))
    this.CONSUME(word('balanced'))
    this.CONSUME(word('at'))
    const rate = this.SUBRULE(this.expression)
    return this.ACTION(() => ({ kind: 'bias-balanced', rate, span: this.since(first) }))
  })

  protected readonly balancedWithin = this.RULE('balancedWithin', (): Constraint => {
    const first = this.CONSUME(word('balanced'))
    this.CONSUME(word('within'))
    // an operand alone: in an expression the sign after it would be a remainder
    const { prefixes, operand } = this.SUBRULE(this.operand)
    this.CONSUME(Percent)
    return this.ACTION(() => {
      const percent = associate([{ joint: null, prefixes, operand }])
      return { kind: 'balanced-within', percent, span: this.since(first) }
    })
  })

  protected readonly expertChoice = this.RULE('expertChoice', (): Constraint => {
    const first = this.CONSUME(word('expert'))
    this.CONSUME(word('choice'))
    return this.ACTION(() => ({ kind: 'expert-choice', span: this.since(first) }))
  })

  protected readonly atMost = this.RULE('atMost', (): Constraint => {
    const first = this.CONSUME(word('at'))
    this.CONSUME(word('most'))
    const tokens = this.SUBRULE(this.expression)
    this.CONSUME(word('tokens'))
    this.CONSUME(word('an'))
    this.CONSUME(word('expert'))
    return this.ACTION(() => ({ kind: 'at-most', tokens, span: this.since(first) }))
  })

  protected readonly eachToken = this.RULE('eachToken', (): Constraint => {
    const first = this.CONSUME(word('each'))
    this.CONSUME(word('token'))
    const experts = this.SUBRULE(this.expression)
    this.CONSUME(word('experts'))
    return this.ACTION(() => ({ kind: 'each-token', experts, span: this.since(first) }))
  })
}
