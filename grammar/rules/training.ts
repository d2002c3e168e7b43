import type { Argument, NumberSetting, Statement } from '../ast.ts'
import { BlockToken, CloseParen, Equals, OpenParen, StringToken, word, Word } from '../tokens.ts'
import { Clauses } from './clauses.ts'

/** `train` and the statements in it. */
export abstract class Training extends Clauses {
  readonly train = this.RULE('train', (): Statement => {
    const first = this.CONSUME(word('train'))
    const block = this.CONSUME(BlockToken)
    return this.ACTION(() => ({ kind: 'train', body: this.blockOf(block).statements, span: this.since(first) }))
  })

  readonly metric = this.RULE('metric', (): Statement => {
    const first = this.CONSUME(word('metric'))
    const name = this.CONSUME(Word)
    this.CONSUME(Equals)
    const value = this.SUBRULE(this.expression)
    return this.ACTION(() => ({
      kind: 'metric',
      name: this.asName(name),
      value,
      doc: this.docOf(first),
      span: this.since(first),
    }))
  })

  readonly method = this.RULE('method', (): Statement => {
    const first = this.OR([{ ALT: () => this.CONSUME(word('optimiser')) }, { ALT: () => this.CONSUME(word('schedule')) }])
    const method = this.SUBRULE(this.call)
    return this.ACTION(() => ({ kind: first.image as 'optimiser' | 'schedule', method, span: this.since(first) }))
  })

  readonly number = this.RULE('number', (): Statement => {
    const first = this.OR([
      { ALT: () => this.CONSUME(word('clip')) },
      { ALT: () => this.CONSUME(word('accumulate')) },
      { ALT: () => this.CONSUME(word('steps')) },
      { ALT: () => this.CONSUME(word('seed')) },
    ])
    const value = this.SUBRULE(this.expression)
    return this.ACTION(() => ({ kind: first.image as NumberSetting, value, span: this.since(first) }))
  })

  readonly batch = this.RULE('batch', (): Statement => {
    const first = this.CONSUME(word('batch'))
    const sizes = this.list(this.setting)
    return this.ACTION(() => ({ kind: 'batch', sizes, span: this.since(first) }))
  })

  readonly initialise = this.RULE('initialise', (): Statement => {
    const first = this.CONSUME(word('initialise'))
    const pattern = this.OPTION(() => this.CONSUME(StringToken))
    const method = this.SUBRULE(this.call)
    return this.ACTION(() => ({
      kind: 'initialise',
      pattern: pattern === undefined ? null : this.asString(pattern),
      method,
      span: this.since(first),
    }))
  })

  readonly group = this.RULE('group', (): Statement => {
    const first = this.CONSUME(word('group'))
    const pattern = this.CONSUME(StringToken)
    this.CONSUME(OpenParen)
    const settings = this.list(this.setting)
    this.CONSUME(CloseParen)
    return this.ACTION(() => ({ kind: 'group', pattern: this.asString(pattern), settings, span: this.since(first) }))
  })

  protected readonly setting = this.RULE('setting', (): Argument => {
    const name = this.CONSUME(Word)
    this.CONSUME(Equals)
    const value = this.SUBRULE(this.expression)
    return this.ACTION(() => ({ name: this.asName(name), value, span: this.since(name) }))
  })
}
