import type { Argument, NumberSetting, Statement, WeightSelection } from '../ast.ts'
import { BlockToken, CallParen, CloseParen, Equals, isA, OpenParen, StringToken, word, Word, type Token } from '../tokens.ts'
import { Clauses } from './clauses.ts'

const methods = ['optimiser', 'schedule'].map(word)
const numbers = ['clip', 'accumulate', 'steps', 'seed'].map(word)

const beginsSelection = (token: Token): boolean => isA(token, Word) || isA(token, StringToken)
const beginsSetting = (token: Token): boolean => isA(token, Word)

/** `train` and the statements in it. */
export abstract class Training extends Clauses {
  train(): Statement {
    const first = this.take(word('train'))
    const block = this.take(BlockToken)
    return { kind: 'train', body: this.blockOf(block).statements, span: this.since(first) }
  }

  metric(): Statement {
    const first = this.take(word('metric'))
    const name = this.take(Word)
    this.take(Equals)
    const value = this.expression()
    return { kind: 'metric', name: this.asName(name), value, doc: this.docOf(first), span: this.since(first) }
  }

  method(): Statement {
    const first = this.takeOneOf(methods)
    const method = this.call()
    return { kind: first.image as 'optimiser' | 'schedule', method, span: this.since(first) }
  }

  number(): Statement {
    const first = this.takeOneOf(numbers)
    const value = this.expression()
    return { kind: first.image as NumberSetting, value, span: this.since(first) }
  }

  batch(): Statement {
    const first = this.take(word('batch'))
    const sizes = this.settings()
    return { kind: 'batch', sizes, span: this.since(first) }
  }

  initialise(): Statement {
    const first = this.take(word('initialise'))
    const pattern = this.takeIf(StringToken)
    const method = this.call()
    return {
      kind: 'initialise',
      pattern: pattern === null ? null : this.asString(pattern),
      method,
      span: this.since(first),
    }
  }

  group(): Statement {
    const first = this.take(word('group'))
    const pattern = this.take(StringToken)
    this.take(OpenParen)
    const settings = this.settings()
    this.take(CloseParen)
    return { kind: 'group', pattern: this.asString(pattern), settings, span: this.since(first) }
  }

  learns(): Statement {
    const first = this.take(word('learns'))
    const method = this.isNext(Word) && this.isSecond(CallParen) ? this.call() : null
    if (method !== null) this.take(word('on'))
    const selections = this.list(() => this.selection(), beginsSelection)
    return { kind: 'learns', method, selections, span: this.since(first) }
  }

  private selection(): WeightSelection {
    const pattern = this.takeIf(StringToken)
    if (pattern !== null) return this.asString(pattern)
    const label = this.asName(this.take(Word))
    return { kind: 'name', name: label, span: label.span }
  }

  private settings(): readonly Argument[] {
    return this.list(() => this.setting(), beginsSetting)
  }

  private setting(): Argument {
    const name = this.take(Word)
    this.take(Equals)
    const value = this.expression()
    return { name: this.asName(name), value, span: this.since(name) }
  }
}
