import type { Argument, CallExpression, MoeExpression, Name } from '../ast.ts'
import { deepen } from '../build.ts'
import { AnyWord, BlockToken, CallParen, CloseParen, Equals, word, Word } from '../tokens.ts'
import { Slices } from './slices.ts'

/** Calls, `moe` among them, and the labels of both. */
export abstract class Calls extends Slices {
  protected readonly call = this.RULE('call', (): CallExpression => {
    const callee = this.CONSUME(Word)
    this.CONSUME(CallParen)
    const given = this.OPTION1(() => this.list(this.argument))
    this.CONSUME(CloseParen)
    const label = this.OPTION2(() => this.SUBRULE(this.label))
    return this.ACTION(() => {
      const list = given ?? []
      this.checkOrder(list)
      const values = list.map(({ value }) => value)
      return deepen(
        { kind: 'call', callee: this.asName(callee), arguments: list, label: label ?? null, span: this.since(callee) },
        values,
      )
    })
  })

  protected checkOrder(list: readonly Argument[]): void {
    const named = list.findIndex(({ name }) => name !== null)
    const late = named === -1 ? undefined : list.slice(named).find(({ name }) => name === null)
    if (late !== undefined) this.problem('SMOE1014', 'a positional argument must come before named ones', late.span, true)
  }

  protected readonly argument = this.RULE('argument', (): Argument => {
    const first = this.LA(1)
    const name = this.OPTION(() => {
      const token = this.CONSUME(AnyWord)
      this.CONSUME(Equals)
      return token
    })
    const value = this.SUBRULE(this.expression)
    return this.ACTION(() => ({ name: name === undefined ? null : this.asName(name), value, span: this.since(first) }))
  })

  protected readonly label = this.RULE('label', (): Name => {
    this.CONSUME(word('as'))
    const name = this.CONSUME(Word)
    return this.ACTION(() => this.asName(name))
  })

  protected readonly moe = this.RULE('moe', (): MoeExpression => {
    const first = this.CONSUME(word('moe'))
    this.CONSUME(CallParen)
    const input = this.SUBRULE(this.expression)
    this.CONSUME(CloseParen)
    const label = this.OPTION(() => this.SUBRULE(this.label))
    const block = this.CONSUME(BlockToken)
    return this.ACTION(() => {
      const { clauses } = this.blockOf(block)
      return deepen({ kind: 'moe', input, label: label ?? null, clauses, span: this.since(first) }, [input])
    })
  })
}
