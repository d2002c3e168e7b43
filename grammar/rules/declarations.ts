import type { Declaration, DeclarationKind, Import, Parameter, RangeNode } from '../ast.ts'
import { Arrow, BlockToken, CallParen, CloseParen, Colon, DotDot, Equals, StringToken, word, Word } from '../tokens.ts'
import { Types } from './types.ts'

/** The heads of declarations with their parameters, and imports. */
export abstract class Declarations extends Types {
  readonly declaration = this.RULE('declaration', (): Declaration => {
    const keyword = this.OR([
      { ALT: () => this.CONSUME(word('fn')) },
      { ALT: () => this.CONSUME(word('block')) },
      { ALT: () => this.CONSUME(word('expert')) },
      { ALT: () => this.CONSUME(word('policy')) },
      { ALT: () => this.CONSUME(word('model')) },
    ])
    const name = this.CONSUME(Word)
    this.CONSUME(CallParen)
    const parameters = this.OPTION1(() => this.list(this.parameter))
    this.CONSUME(CloseParen)
    const result = this.OPTION2(() => {
      this.CONSUME(Arrow)
      return this.SUBRULE(this.type)
    })
    const block = this.CONSUME(BlockToken)
    return this.ACTION(() => ({
      kind: 'declaration',
      declares: keyword.image as DeclarationKind,
      name: this.asName(name),
      parameters: parameters ?? [],
      result: result ?? null,
      body: this.blockOf(block).statements,
      doc: this.docOf(keyword),
      span: this.since(keyword),
      isPartial: false,
    }))
  })

  readonly parameter = this.RULE('parameter', (): Parameter => {
    const name = this.CONSUME(Word)
    this.CONSUME(Colon)
    const type = this.SUBRULE(this.type)
    const range = this.OPTION(() => {
      this.CONSUME(word('in'))
      return this.SUBRULE(this.range)
    })
    const value = this.OPTION1(() => {
      this.CONSUME(Equals)
      return this.SUBRULE(this.expression)
    })
    return this.ACTION(() => ({
      name: this.asName(name),
      type,
      range: range ?? null,
      default: value ?? null,
      doc: this.docOf(name),
      span: this.since(name),
    }))
  })

  protected readonly range = this.RULE('range', (): RangeNode => {
    const first = this.LA(1)
    const low = this.OPTION(() => this.SUBRULE(this.expression))
    this.CONSUME(DotDot)
    const high = this.OPTION1(() => this.SUBRULE1(this.expression))
    return this.ACTION(() => ({ low: low ?? null, high: high ?? null, span: this.since(first) }))
  })

  readonly import = this.RULE('import', (): Import => {
    const first = this.CONSUME(word('import'))
    const block = this.CONSUME(BlockToken)
    this.CONSUME(word('from'))
    const from = this.CONSUME(StringToken)
    return this.ACTION(() => ({ names: this.blockOf(block).names, from: this.asString(from), span: this.since(first) }))
  })

  readonly names = this.RULE('names', (): Import['names'] => this.list(this.importedName))

  protected readonly importedName = this.RULE('importedName', (): Import['names'][number] => {
    const name = this.CONSUME(Word)
    const alias = this.OPTION(() => {
      this.CONSUME(word('as'))
      return this.CONSUME1(Word)
    })
    return this.ACTION(() => ({
      name: this.asName(name),
      alias: alias === undefined ? null : this.asName(alias),
      span: this.since(name),
    }))
  })
}
