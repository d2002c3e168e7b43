/** The grammar of one piece: a declaration, a statement, a clause or an entry, whose blocks are already taken apart. */
import { EmbeddedActionsParser, type IParserErrorMessageProvider, type IToken } from 'chevrotain'
import type {
  Argument, BinaryOperator, CallExpression, Constraint, Declaration, DeclarationKind, Expression, Import, MoeClause, MoeExpression, Name,
  OverflowRule, Parameter, RangeNode, SliceNode, Statement, StringLiteral, TensorTypeNode, TypeNode, UnaryOperator, WeightEntry,
  WeightPathPart,
} from './ast.ts'
import { associate, deepen, depthOf, type ChainLink, type PrefixSign } from './build.ts'
import type { Code } from './codes.ts'
import type { Diagnostic } from './diagnostic.ts'
import type { Source, Span } from './source.ts'
import { endOf } from './layout.ts'
import {
  AnyWord, Arrow, Bar, BlockToken, CallParen, CloseBrace, CloseBracket, CloseParen, Colon, Comma, Dot, DotDot, Ellipsis, Equals,
  IndexBracket, Minus, NumberToken, OpenBrace, OpenBracket, OpenParen, Operator, Percent, StringToken, vocabulary, word, Word,
} from './tokens.ts'

/** What a block holds once its pieces are parsed. */
export interface ParsedBlock {
  readonly statements: readonly Statement[]
  readonly clauses: readonly MoeClause[]
  readonly entries: readonly WeightEntry[]
  readonly names: Import['names']
}

export interface Problem {
  readonly code: Code
  readonly message: string
  readonly span: Span
  readonly help?: string
  readonly fix?: Diagnostic['fix']
  /** Does the piece stand nevertheless? */
  readonly isMild: boolean
}

const listEnds = new Map([[CloseParen, '`,` or `)`'], [CloseBracket, '`,` or `]`']])

/** `what was expected`, to which the caller adds what was found. */
const messages: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected }) => listEnds.get(expected) ?? expected.LABEL ?? expected.name,
  buildNotAllInputParsedMessage: () => '',
  buildNoViableAltMessage: ({ customUserDescription }) => customUserDescription ?? 'another word',
  buildEarlyExitMessage: ({ customUserDescription }) => customUserDescription ?? 'another word',
}

const noDocs: readonly string[] = []

/** What the lexer could not read as a number has been reported; its value is none. */
const isNumber = (image: string): boolean => /^(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(image)

export class Rules extends EmbeddedActionsParser {
  source: Source = { path: '', text: '' }
  /** Lines of the doc comment that stands before the token at an offset. */
  docs: ReadonlyMap<number, readonly string[]> = new Map()
  problems: Problem[] = []
  /** The depth of the deepest expression since `begin`. */
  deepest = 0

  constructor(skipValidations: boolean) {
    super(vocabulary, { recoveryEnabled: false, maxLookahead: 2, skipValidations, errorMessageProvider: messages })
    this.performSelfAnalysis()
  }

  /** Takes the tokens of the next piece. */
  begin(tokens: IToken[]): void {
    this.problems = []
    this.deepest = 0
    this.input = tokens
  }

  private span(start: number, end: number): Span {
    return { source: this.source, start, end }
  }

  private tokenSpan(token: IToken): Span {
    return this.span(token.startOffset, endOf(token))
  }

  /** From a token to the last one consumed. */
  private since(first: IToken): Span {
    return this.span(first.startOffset, endOf(this.LA(0)))
  }

  private asName(token: IToken): Name {
    return { text: token.image, span: this.tokenSpan(token) }
  }

  private docOf(token: IToken): readonly string[] {
    return this.docs.get(token.startOffset) ?? noDocs
  }

  private blockOf(token: IToken): ParsedBlock {
    return token.payload as ParsedBlock
  }

  private problem(code: Code, message: string, span: Span, isMild: boolean, more: Pick<Problem, 'help' | 'fix'> = {}): void {
    this.problems.push({ code, message, span, isMild, ...more })
  }

  private readonly escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' }

  private asString(token: IToken): StringLiteral {
    const image = token.image
    const isWhole = image.length > 1 && image.endsWith(image[0]!)
    const value = image.slice(1, isWhole ? -1 : undefined).replace(/\\([^])/gu, (all, letter: string, at: number) => {
      if (letter in this.escapes) return this.escapes[letter]!
      const start = token.startOffset + 1 + at
      this.problem('SMOE1005', `\`${all}\` is no escape of a string`, this.span(start, start + all.length), true, {
        help: 'a backslash itself is written `\\\\`',
      })
      return letter
    })
    return { kind: 'string', value, span: this.tokenSpan(token) }
  }

  // ---- expressions

  readonly expression = this.RULE('expression', (): Expression => this.OR({
    DEF: [
      { ALT: () => {
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
      } },
      { ALT: () => {
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
      } },
    ],
    ERR_MSG: 'an expression',
  }))

  private readonly operand = this.RULE('operand', (): Omit<ChainLink, 'joint'> => {
    const prefixes: PrefixSign[] = []
    this.MANY(() => {
      const sign = this.OR([{ ALT: () => this.CONSUME(Minus) }, { ALT: () => this.CONSUME(word('not')) }])
      this.ACTION(() => prefixes.push({ operator: sign.image as UnaryOperator, span: this.tokenSpan(sign) }))
    })
    const start = this.LA(1)
    let operand = this.OR1<Expression>({
      DEF: [
        { ALT: () => this.SUBRULE(this.call) },
        { ALT: () => this.SUBRULE(this.moe) },
        { ALT: () => {
          const name = this.CONSUME(Word)
          return this.ACTION((): Expression => ({ kind: 'name', name: this.asName(name), span: this.tokenSpan(name) }))
        } },
        { ALT: () => {
          const token = this.CONSUME(NumberToken)
          return this.ACTION((): Expression => {
            const isInteger = /^\d+$/.test(token.image)
            return { kind: 'number', value: isNumber(token.image) ? Number(token.image) : NaN, isInteger, span: this.tokenSpan(token) }
          })
        } },
        { ALT: () => {
          const token = this.CONSUME(StringToken)
          return this.ACTION((): Expression => this.asString(token))
        } },
        { ALT: () => {
          const token = this.OR2([{ ALT: () => this.CONSUME(word('true')) }, { ALT: () => this.CONSUME(word('false')) }])
          return this.ACTION((): Expression => ({ kind: 'boolean', value: token.image === 'true', span: this.tokenSpan(token) }))
        } },
        { ALT: () => {
          this.OR3([{ ALT: () => this.CONSUME(OpenParen) }, { ALT: () => this.CONSUME(CallParen) }])
          const inner = this.SUBRULE(this.expression)
          this.CONSUME(CloseParen)
          return inner
        } },
        { ALT: () => {
          const first = this.OR4([{ ALT: () => this.CONSUME(OpenBracket) }, { ALT: () => this.CONSUME(IndexBracket) }])
          const items: Expression[] = []
          this.OPTION(() => {
            const item = this.SUBRULE1(this.expression)
            this.ACTION(() => items.push(item))
            this.MANY1(() => {
              this.CONSUME(Comma)
              const next = this.SUBRULE2(this.expression)
              this.ACTION(() => items.push(next))
            })
            this.OPTION1(() => this.CONSUME1(Comma))
          })
          this.CONSUME(CloseBracket)
          return this.ACTION((): Expression => deepen({ kind: 'list', items, span: this.since(first) }, items))
        } },
      ],
      ERR_MSG: 'an expression',
    })
    this.MANY2(() => {
      operand = this.OR5([
        { ALT: () => {
          this.CONSUME1(IndexBracket)
          const slices = this.SUBRULE(this.slices)
          return this.ACTION((): Expression => {
            const parts = slices.flatMap(({ index, start, stop, step }) => [index, start, stop, step].filter((part) => part !== null))
            return deepen({ kind: 'index', operand, slices, span: this.since(start) }, [operand, ...parts])
          })
        } },
        { ALT: () => {
          this.CONSUME(Dot)
          const name = this.CONSUME(AnyWord)
          return this.ACTION((): Expression => {
            const span = this.since(start)
            if (operand.kind === 'name' && operand.name.text === 'experts' && name.image !== 'T') return { kind: 'member', of: operand.name, name: this.asName(name), span }
            this.wantTranspose(name)
            return deepen({ kind: 'transpose', operand, span }, [operand])
          })
        } },
      ])
    })
    return { prefixes, operand }
  })

  private readonly transposed = this.RULE('transposed', (): void => {
    this.CONSUME(Dot)
    const name = this.CONSUME(AnyWord)
    this.ACTION(() => this.wantTranspose(name))
  })

  private wantTranspose(name: IToken): void {
    if (name.image === 'T') return
    const fix = name.image === 't' ? { span: this.tokenSpan(name), replacement: 'T' } : null
    this.problem('SMOE1001', `expected \`T\` after \`.\`, found \`${name.image}\``, this.tokenSpan(name), false, {
      help: 'values have no parts: `.T` makes the last two axes change places', fix,
    })
  }

  private readonly call = this.RULE('call', (): CallExpression => {
    const callee = this.CONSUME(Word)
    this.CONSUME(CallParen)
    const list: Argument[] = []
    this.OPTION(() => {
      const argument = this.SUBRULE(this.argument)
      this.ACTION(() => list.push(argument))
      this.MANY(() => {
        this.CONSUME(Comma)
        const next = this.SUBRULE1(this.argument)
        this.ACTION(() => list.push(next))
      })
      this.OPTION1(() => this.CONSUME1(Comma))
    })
    this.CONSUME(CloseParen)
    const label = this.OPTION2(() => this.SUBRULE(this.label))
    return this.ACTION(() => {
      this.checkOrder(list)
      const values = list.map(({ value }) => value)
      return deepen({ kind: 'call', callee: this.asName(callee), arguments: list, label: label ?? null, span: this.since(callee) }, values)
    })
  })

  private checkOrder(list: readonly Argument[]): void {
    const named = list.findIndex(({ name }) => name !== null)
    const late = named === -1 ? undefined : list.slice(named).find(({ name }) => name === null)
    if (late !== undefined) this.problem('SMOE1014', 'a positional argument stands after a named one', late.span, true)
  }

  private readonly argument = this.RULE('argument', (): Argument => {
    const first = this.LA(1)
    const name = this.OPTION(() => {
      const token = this.CONSUME(AnyWord)
      this.CONSUME(Equals)
      return token
    })
    const value = this.SUBRULE(this.expression)
    return this.ACTION(() => ({ name: name === undefined ? null : this.asName(name), value, span: this.since(first) }))
  })

  private readonly label = this.RULE('label', (): Name => {
    this.CONSUME(word('as'))
    const name = this.CONSUME(Word)
    return this.ACTION(() => this.asName(name))
  })

  private readonly moe = this.RULE('moe', (): MoeExpression => {
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

  private readonly slices = this.RULE('slices', (): readonly SliceNode[] => {
    const list: SliceNode[] = []
    const first = this.SUBRULE(this.slice)
    this.ACTION(() => list.push(first))
    this.MANY(() => {
      this.CONSUME(Comma)
      const next = this.SUBRULE1(this.slice)
      this.ACTION(() => list.push(next))
    })
    this.CONSUME(CloseBracket)
    return list
  })

  private readonly slice = this.RULE('slice', (): SliceNode => {
    const first = this.LA(1)
    return this.OR({
      DEF: [
        { ALT: () => {
          const index = this.SUBRULE(this.expression)
          const rest = this.OPTION(() => this.SUBRULE(this.sliceEnds))
          return this.ACTION((): SliceNode => rest === undefined
            ? { index, start: null, stop: null, step: null, span: this.since(first) }
            : { index: null, start: index, ...rest, span: this.since(first) })
        } },
        { ALT: () => {
          const rest = this.SUBRULE1(this.sliceEnds)
          return this.ACTION((): SliceNode => ({ index: null, start: null, ...rest, span: this.since(first) }))
        } },
      ],
      ERR_MSG: 'an index or `:`',
    })
  })

  private readonly sliceEnds = this.RULE('sliceEnds', (): Pick<SliceNode, 'stop' | 'step'> => {
    this.CONSUME(Colon)
    const stop = this.OPTION(() => this.SUBRULE(this.expression))
    const step = this.OPTION1(() => {
      this.CONSUME1(Colon)
      return this.OPTION2(() => this.SUBRULE1(this.expression))
    })
    return { stop: stop ?? null, step: step ?? null }
  })

  // ---- types and declarations

  private readonly type = this.RULE('type', (): TypeNode => this.OR({
    DEF: [
      { ALT: () => {
        const first = this.CONSUME(StringToken)
        const options: StringLiteral[] = []
        this.ACTION(() => options.push(this.asString(first)))
        this.MANY(() => {
          this.CONSUME(Bar)
          const next = this.CONSUME1(StringToken)
          this.ACTION(() => options.push(this.asString(next)))
        })
        return this.ACTION((): TypeNode => ({ kind: 'choice-type', options, span: this.since(first) }))
      } },
      { ALT: () => {
        const name = this.CONSUME(Word)
        const shape = this.OPTION(() => this.SUBRULE(this.shape))
        return this.ACTION((): TypeNode => shape === undefined
          ? { kind: 'scalar-type', name: this.asName(name), span: this.tokenSpan(name) }
          : { kind: 'tensor-type', dtype: this.asName(name), ...shape, span: this.since(name) })
      } },
    ],
    ERR_MSG: 'a type',
  }))

  private readonly shape = this.RULE('shape', (): Pick<TensorTypeNode, 'anyLeading' | 'shape'> => {
    this.CONSUME(IndexBracket)
    const shape: Expression[] = []
    const any = this.OPTION(() => {
      const dots = this.CONSUME(Ellipsis)
      this.OPTION1(() => this.CONSUME(Comma))
      return dots
    })
    this.OPTION2(() => {
      const first = this.SUBRULE(this.expression)
      this.ACTION(() => shape.push(first))
      this.MANY(() => {
        this.CONSUME1(Comma)
        const next = this.SUBRULE1(this.expression)
        this.ACTION(() => shape.push(next))
      })
      this.OPTION3(() => this.CONSUME2(Comma))
    })
    this.CONSUME(CloseBracket)
    return { anyLeading: any !== undefined, shape }
  })

  private readonly tensorType = this.RULE('tensorType', (): TensorTypeNode => {
    const type = this.SUBRULE(this.type)
    return this.ACTION(() => {
      if (type.kind === 'tensor-type') return type
      this.problem('SMOE1015', 'expected the type of a tensor', type.span, true, { help: 'such as `f32[B, D]`, or `f32[]` for one number' })
      const dtype = type.kind === 'scalar-type' ? type.name : { text: 'f32', span: type.span }
      return { kind: 'tensor-type', dtype, anyLeading: true, shape: [], span: type.span }
    })
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
      name: this.asName(name), type, range: range ?? null, default: value ?? null, doc: this.docOf(name), span: this.since(name),
    }))
  })

  private readonly range = this.RULE('range', (): RangeNode => {
    const first = this.LA(1)
    const low = this.OPTION(() => this.SUBRULE(this.expression))
    this.CONSUME(DotDot)
    const high = this.OPTION1(() => this.SUBRULE1(this.expression))
    return this.ACTION(() => ({ low: low ?? null, high: high ?? null, span: this.since(first) }))
  })

  readonly declaration = this.RULE('declaration', (): Declaration => {
    const keyword = this.OR([
      { ALT: () => this.CONSUME(word('fn')) }, { ALT: () => this.CONSUME(word('block')) }, { ALT: () => this.CONSUME(word('expert')) },
      { ALT: () => this.CONSUME(word('policy')) }, { ALT: () => this.CONSUME(word('model')) },
    ])
    const name = this.CONSUME(Word)
    const parameters: Parameter[] = []
    this.CONSUME(CallParen)
    this.OPTION(() => {
      const first = this.SUBRULE(this.parameter)
      this.ACTION(() => parameters.push(first))
      this.MANY(() => {
        this.CONSUME(Comma)
        const next = this.SUBRULE1(this.parameter)
        this.ACTION(() => parameters.push(next))
      })
      this.OPTION1(() => this.CONSUME1(Comma))
    })
    this.CONSUME(CloseParen)
    const result = this.OPTION2(() => {
      this.CONSUME(Arrow)
      return this.SUBRULE(this.type)
    })
    const block = this.CONSUME(BlockToken)
    return this.ACTION(() => ({
      kind: 'declaration', declares: keyword.image as DeclarationKind, name: this.asName(name), parameters, result: result ?? null,
      body: this.blockOf(block).statements, doc: this.docOf(keyword), span: this.since(keyword), isPartial: false,
    }))
  })

  readonly import = this.RULE('import', (): Import => {
    const first = this.CONSUME(word('import'))
    const block = this.CONSUME(BlockToken)
    this.CONSUME(word('from'))
    const from = this.CONSUME(StringToken)
    return this.ACTION(() => ({ names: this.blockOf(block).names, from: this.asString(from), span: this.since(first) }))
  })

  readonly names = this.RULE('names', (): Import['names'] => {
    const names: Import['names'][number][] = []
    const first = this.SUBRULE(this.importedName)
    this.ACTION(() => names.push(first))
    this.MANY(() => {
      this.CONSUME(Comma)
      const next = this.SUBRULE1(this.importedName)
      this.ACTION(() => names.push(next))
    })
    this.OPTION(() => this.CONSUME1(Comma))
    return names
  })

  private readonly importedName = this.RULE('importedName', (): Import['names'][number] => {
    const name = this.CONSUME(Word)
    const alias = this.OPTION(() => {
      this.CONSUME(word('as'))
      return this.CONSUME1(Word)
    })
    return this.ACTION(() => ({ name: this.asName(name), alias: alias === undefined ? null : this.asName(alias), span: this.since(name) }))
  })

  // ---- statements

  readonly let = this.RULE('let', (): Statement => {
    const first = this.OR([{ ALT: () => this.CONSUME(word('let')) }, { ALT: () => this.CONSUME(word('var')) }])
    const name = this.CONSUME(Word)
    const type = this.OPTION(() => {
      this.CONSUME(Colon)
      return this.SUBRULE(this.type)
    })
    this.CONSUME(Equals)
    const value = this.SUBRULE(this.expression)
    return this.ACTION(() => ({
      kind: 'let', mutable: first.image === 'var', name: this.asName(name), type: type ?? null, value, doc: this.docOf(first),
      span: this.since(first),
    }))
  })

  readonly assign = this.RULE('assign', (): Statement => {
    const name = this.CONSUME(Word)
    this.CONSUME(Equals)
    const value = this.SUBRULE(this.expression)
    return this.ACTION(() => ({ kind: 'assign', name: this.asName(name), value, span: this.since(name) }))
  })

  readonly param = this.RULE('param', (): Statement => {
    const first = this.CONSUME(word('param'))
    const name = this.CONSUME(Word)
    this.CONSUME(Colon)
    const type = this.SUBRULE(this.tensorType)
    return this.ACTION(() => ({ kind: 'param', name: this.asName(name), type, doc: this.docOf(first), span: this.since(first) }))
  })

  readonly inputTensor = this.RULE('inputTensor', (): Statement => {
    const first = this.CONSUME(word('input'))
    const name = this.CONSUME(Word)
    this.CONSUME(Colon)
    const type = this.SUBRULE(this.tensorType)
    return this.ACTION(() => ({ kind: 'input', name: this.asName(name), type, doc: this.docOf(first), span: this.since(first) }))
  })

  readonly output = this.RULE('output', (): Statement => {
    const first = this.CONSUME(word('output'))
    const name = this.CONSUME(Word)
    const type = this.OPTION(() => {
      this.CONSUME(Colon)
      return this.SUBRULE(this.tensorType)
    })
    this.CONSUME(Equals)
    const value = this.SUBRULE(this.expression)
    return this.ACTION(() => ({
      kind: 'output', name: this.asName(name), type: type ?? null, value, doc: this.docOf(first), span: this.since(first),
    }))
  })

  readonly return = this.RULE('return', (): Statement => {
    const first = this.CONSUME(word('return'))
    const value = this.SUBRULE(this.expression)
    return this.ACTION(() => ({ kind: 'return', value, span: this.since(first) }))
  })

  readonly repeat = this.RULE('repeat', (): Statement => {
    const first = this.CONSUME(word('repeat'))
    const label = this.CONSUME(Word)
    this.CONSUME(IndexBracket)
    const index = this.CONSUME1(Word)
    this.CONSUME(CloseBracket)
    this.CONSUME(word('in'))
    const from = this.SUBRULE(this.expression)
    this.CONSUME(DotDot)
    const to = this.SUBRULE1(this.expression)
    const block = this.CONSUME(BlockToken)
    return this.ACTION(() => ({
      kind: 'repeat', label: this.asName(label), index: this.asName(index), from, to, body: this.blockOf(block).statements,
      span: this.since(first),
    }))
  })

  readonly select = this.RULE('select', (): Statement => {
    const first = this.CONSUME(word('select'))
    this.CONSUME(word('top'))
    const count = this.SUBRULE(this.expression)
    this.CONSUME(word('by'))
    const by = this.SUBRULE1(this.expression)
    return this.ACTION(() => ({ kind: 'select', count, by, span: this.since(first) }))
  })

  readonly weigh = this.RULE('weigh', (): Statement => {
    const first = this.CONSUME(word('weigh'))
    const value = this.SUBRULE(this.expression)
    return this.ACTION(() => ({ kind: 'weigh', value, span: this.since(first) }))
  })

  readonly keep = this.RULE('keep', (): Statement => {
    const first = this.CONSUME(word('keep'))
    const value = this.SUBRULE(this.expression)
    return this.ACTION(() => ({ kind: 'keep', value, span: this.since(first) }))
  })

  readonly loss = this.RULE('loss', (): Statement => {
    const first = this.CONSUME(word('loss'))
    const name = this.CONSUME(Word)
    this.CONSUME(Equals)
    const value = this.SUBRULE(this.expression)
    return this.ACTION(() => ({ kind: 'loss', name: this.asName(name), value, doc: this.docOf(first), span: this.since(first) }))
  })

  readonly once = this.RULE('once', (): Statement => {
    const first = this.CONSUME(word('once'))
    const block = this.CONSUME(BlockToken)
    return this.ACTION(() => ({ kind: 'once', body: this.blockOf(block).statements, span: this.since(first) }))
  })

  readonly when = this.RULE('when', (): Statement => {
    const first = this.CONSUME(word('when'))
    this.CONSUME(word('training'))
    const rate = this.OPTION(() => {
      this.CONSUME(word('at'))
      return this.SUBRULE(this.expression)
    })
    const after = this.OPTION1(() => {
      this.CONSUME(word('after'))
      return this.SUBRULE1(this.expression)
    })
    const atMost = this.OPTION2(() => {
      this.CONSUME(Comma)
      this.CONSUME(word('at_most'))
      const count = this.SUBRULE2(this.expression)
      this.CONSUME(word('layers'))
      this.CONSUME(word('a'))
      this.CONSUME(word('step'))
      return count
    })
    const body = this.CONSUME(BlockToken)
    const otherwise = this.OPTION3(() => {
      this.CONSUME(word('else'))
      return this.CONSUME1(BlockToken)
    })
    return this.ACTION(() => ({
      kind: 'when-training', rate: rate ?? null, after: after ?? null, atMost: atMost ?? null, body: this.blockOf(body).statements,
      otherwise: otherwise === undefined ? null : this.blockOf(otherwise).statements, span: this.since(first),
    }))
  })

  readonly weights = this.RULE('weights', (): Statement => {
    const first = this.CONSUME(word('weights'))
    const block = this.CONSUME(BlockToken)
    return this.ACTION(() => ({ kind: 'weights', entries: this.blockOf(block).entries, span: this.since(first) }))
  })

  readonly assert = this.RULE('assert', (): Statement => {
    const first = this.CONSUME(word('assert'))
    const condition = this.SUBRULE(this.expression)
    const message = this.OPTION(() => {
      this.CONSUME(Comma)
      return this.CONSUME(StringToken)
    })
    return this.ACTION(() => ({
      kind: 'assert', condition, message: message === undefined ? null : this.asString(message), span: this.since(first),
    }))
  })

  readonly entry = this.RULE('entry', (): WeightEntry => {
    const first = this.CONSUME(AnyWord)
    const path: WeightPathPart[] = []
    this.ACTION(() => path.push({ kind: 'name', name: this.asName(first) }))
    this.MANY(() => {
      this.CONSUME(Dot)
      const part = this.OR([
        { ALT: () => {
          const name = this.CONSUME1(AnyWord)
          return this.ACTION((): WeightPathPart => ({ kind: 'name', name: this.asName(name) }))
        } },
        { ALT: () => {
          this.CONSUME(OpenBrace)
          const name = this.CONSUME(Word)
          this.CONSUME(CloseBrace)
          return this.ACTION((): WeightPathPart => ({ kind: 'index', name: this.asName(name) }))
        } },
      ])
      this.ACTION(() => path.push(part))
    })
    this.CONSUME(Equals)
    const template = this.CONSUME(StringToken)
    const slices = this.OPTION(() => {
      this.CONSUME(IndexBracket)
      return this.SUBRULE(this.slices)
    })
    const transpose = this.OPTION1(() => {
      this.SUBRULE(this.transposed)
      return true
    })
    return this.ACTION(() => ({
      path, template: this.asString(template), slices: slices ?? null, transpose: transpose === true, span: this.since(first),
    }))
  })

  // ---- clauses of moe

  readonly experts = this.RULE('experts', (): MoeClause => {
    const first = this.OR([{ ALT: () => this.CONSUME(word('experts')) }, { ALT: () => this.CONSUME(word('shared')) }])
    const count = this.SUBRULE(this.expression)
    this.CONSUME(word('of'))
    const of = this.SUBRULE(this.call)
    return this.ACTION(() => ({ kind: first.image as 'experts' | 'shared', count, of, span: this.since(first) }))
  })

  readonly route = this.RULE('route', (): MoeClause => {
    const first = this.CONSUME(word('route'))
    const policy = this.SUBRULE(this.call)
    return this.ACTION(() => ({ kind: 'route', policy, span: this.since(first) }))
  })

  readonly require = this.RULE('require', (): MoeClause => {
    const first = this.CONSUME(word('require'))
    const constraint = this.SUBRULE(this.constraint)
    return this.ACTION(() => ({ kind: 'require', constraint, span: this.since(first) }))
  })

  private readonly constraint = this.RULE('constraint', (): Constraint => {
    const first = this.LA(1)
    return this.OR<Constraint>({
      DEF: [
        { ALT: () => {
          this.CONSUME(word('dropless'))
          return this.ACTION((): Constraint => ({ kind: 'dropless', span: this.since(first) }))
        } },
        { ALT: () => {
          this.CONSUME(word('capacity'))
          const factor = this.SUBRULE(this.expression)
          this.CONSUME(word('overflow'))
          const rule = this.OR1({
            DEF: [
              { ALT: () => this.CONSUME(word('drop')) }, { ALT: () => this.CONSUME(word('next')) },
              { ALT: () => this.CONSUME(word('shared')) },
            ],
            ERR_MSG: '`drop`, `next` or `shared`',
          })
          return this.ACTION((): Constraint =>
            ({ kind: 'capacity', factor, overflow: rule.image as OverflowRule, span: this.since(first) }))
        } },
        { ALT: () => {
          this.CONSUME(word('groups'))
          const count = this.SUBRULE1(this.expression)
          this.CONSUME(word('keep'))
          const keep = this.SUBRULE2(this.expression)
          return this.ACTION((): Constraint => ({ kind: 'groups', count, keep, span: this.since(first) }))
        } },
        { ALT: () => {
          this.CONSUME(word('bias'))
          this.CONSUME(word('balanced'))
          this.CONSUME(word('at'))
          const rate = this.SUBRULE3(this.expression)
          return this.ACTION((): Constraint => ({ kind: 'bias-balanced', rate, span: this.since(first) }))
        } },
        { ALT: () => {
          this.CONSUME1(word('balanced'))
          this.CONSUME(word('within'))
          const { prefixes, operand } = this.SUBRULE(this.operand)
          this.CONSUME(Percent)
          return this.ACTION((): Constraint => {
            const percent = associate([{ joint: null, prefixes, operand }])
            return { kind: 'balanced-within', percent, span: this.since(first) }
          })
        } },
        { ALT: () => {
          this.CONSUME(word('expert'))
          this.CONSUME(word('choice'))
          return this.ACTION((): Constraint => ({ kind: 'expert-choice', span: this.since(first) }))
        } },
        { ALT: () => {
          this.CONSUME1(word('at'))
          this.CONSUME(word('most'))
          const tokens = this.SUBRULE4(this.expression)
          this.CONSUME(word('tokens'))
          this.CONSUME(word('an'))
          this.CONSUME1(word('expert'))
          return this.ACTION((): Constraint => ({ kind: 'at-most', tokens, span: this.since(first) }))
        } },
        { ALT: () => {
          this.CONSUME(word('each'))
          this.CONSUME(word('token'))
          const experts = this.SUBRULE5(this.expression)
          this.CONSUME(word('experts'))
          return this.ACTION((): Constraint => ({ kind: 'each-token', experts, span: this.since(first) }))
        } },
      ],
      ERR_MSG: 'a constraint: `dropless`, `capacity`, `groups`, `bias balanced`, `balanced within`, `expert choice`, `at most` or `each token`',
    })
  })
}
