import type { Argument, CallExpression, MoeExpression, Name } from '../ast.ts'
import { deepen } from '../build.ts'
import { AnyWord, BlockToken, CallParen, CloseParen, Equals, isA, word, Word, type Token } from '../tokens.ts'
import { beginsExpression, Slices } from './slices.ts'

const beginsArgument = (token: Token): boolean => isA(token, AnyWord) || beginsExpression(token)

/** Calls, `moe` among them, and the labels of both. */
export abstract class Calls extends Slices {
  protected call(): CallExpression {
    const callee = this.take(Word)
    this.take(CallParen)
    const given = this.next !== undefined && beginsArgument(this.next) ? this.list(() => this.argument(), beginsArgument) : []
    this.take(CloseParen)
    const label = this.label()
    this.checkOrder(given)
    return deepen(
      { kind: 'call', callee: this.asName(callee), arguments: given, label, span: this.since(callee) },
      given.map(({ value }) => value),
    )
  }

  private checkOrder(list: readonly Argument[]): void {
    const named = list.findIndex(({ name }) => name !== null)
    const late = named === -1 ? undefined : list.slice(named).find(({ name }) => name === null)
    if (late !== undefined) this.problem('SMOE1014', 'a positional argument must come before named ones', late.span, true)
  }

  private argument(): Argument {
    const first = this.next!
    const isNamed = this.isNext(AnyWord) && this.isSecond(Equals)
    const name = isNamed ? this.asName(this.take(AnyWord)) : null
    if (isNamed) this.take(Equals)
    const value = this.expression()
    return { name, value, span: this.since(first) }
  }

  private label(): Name | null {
    return this.takeIf(word('as')) === null ? null : this.asName(this.take(Word))
  }

  protected moe(): MoeExpression {
    const first = this.take(word('moe'))
    this.take(CallParen)
    const input = this.expression()
    this.take(CloseParen)
    const label = this.label()
    const { clauses } = this.blockOf(this.take(BlockToken))
    return deepen({ kind: 'moe', input, label, clauses, span: this.since(first) }, [input])
  }
}
