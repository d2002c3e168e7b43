import type { Constraint, OverflowRule } from '../ast.ts'
import { associate } from '../build.ts'
import { Percent, word } from '../tokens.ts'
import { Weights } from './weights.ts'

const overflowRules = ['drop', 'next', 'shared'].map(word)

/** The constraints of a `moe`. */
export abstract class Constraints extends Weights {
  protected constraint(): Constraint {
    if (this.isNext(word('dropless'))) return this.dropless()
    if (this.isNext(word('capacity'))) return this.capacity()
    if (this.isNext(word('groups'))) return this.groups()
    if (this.isNext(word('bias'))) return this.biasBalanced()
    if (this.isNext(word('balanced'))) return this.balancedWithin()
    if (this.isNext(word('expert'))) return this.expertChoice()
    if (this.isNext(word('at'))) return this.atMost()
    if (this.isNext(word('each'))) return this.eachToken()
    return this.refuse(
      'a constraint: `dropless`, `capacity`, `groups`, `bias balanced`, `balanced within`, `expert choice`, `at most` or `each token`',
      true,
    )
  }

  private dropless(): Constraint {
    const first = this.take(word('dropless'))
    return { kind: 'dropless', span: this.since(first) }
  }

  private capacity(): Constraint {
    const first = this.take(word('capacity'))
    const factor = this.expression()
    this.take(word('overflow'))
    const rule = this.takeOneOf(overflowRules, '`drop`, `next` or `shared`')
    return { kind: 'capacity', factor, overflow: rule.image as OverflowRule, span: this.since(first) }
  }

  private groups(): Constraint {
    const first = this.take(word('groups'))
    const count = this.expression()
    this.take(word('keep'))
    const keep = this.expression()
    return { kind: 'groups', count, keep, span: this.since(first) }
  }

  private biasBalanced(): Constraint {
    const first = this.take(word('bias'))
    this.take(word('balanced'))
    this.take(word('at'))
    const rate = this.expression()
    return { kind: 'bias-balanced', rate, span: this.since(first) }
  }

  private balancedWithin(): Constraint {
    const first = this.take(word('balanced'))
    this.take(word('within'))
    // an operand alone: in an expression the sign after it would be a remainder
    const operand = this.operand()
    this.take(Percent)
    return { kind: 'balanced-within', percent: associate([{ joint: null, ...operand }]), span: this.since(first) }
  }

  private expertChoice(): Constraint {
    const first = this.take(word('expert'))
    this.take(word('choice'))
    return { kind: 'expert-choice', span: this.since(first) }
  }

  private atMost(): Constraint {
    const first = this.take(word('at'))
    this.take(word('most'))
    const tokens = this.expression()
    this.take(word('tokens'))
    this.take(word('an'))
    this.take(word('expert'))
    return { kind: 'at-most', tokens, span: this.since(first) }
  }

  private eachToken(): Constraint {
    const first = this.take(word('each'))
    this.take(word('token'))
    const experts = this.expression()
    this.take(word('experts'))
    return { kind: 'each-token', experts, span: this.since(first) }
  }
}
