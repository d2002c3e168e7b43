/**
 * The ground of the grammar of one piece: a declaration, a statement, a clause or an entry, whose blocks are already taken apart.
 */
import { EmbeddedActionsParser, type IParserErrorMessageProvider, type IToken, type ParserMethod } from 'chevrotain'
import type { Import, MoeClause, Name, Statement, StringLiteral, WeightEntry } from '../ast.ts'
import type { Code } from '../codes.ts'
import type { Diagnostic } from '../diagnostic.ts'
import type { Source, Span } from '../source.ts'
import { CloseBracket, CloseParen, Comma, endOf, vocabulary } from '../tokens.ts'

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

const listEnds = new Map([
  [CloseParen, '`,` or `)`'],
  [CloseBracket, '`,` or `]`'],
])

/** `what was expected`, to which the caller adds what was found. */
const messages: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected }) => listEnds.get(expected) ?? expected.LABEL ?? expected.name,
  buildNotAllInputParsedMessage: () => '',
  buildNoViableAltMessage: ({ customUserDescription }) => customUserDescription ?? 'another word',
  buildEarlyExitMessage: ({ customUserDescription }) => customUserDescription ?? 'another word',
}

const noDocs: readonly string[] = []

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' }

/** What every layer of rules reads with: places, names, docs, blocks, strings, lists; and where it notes problems of meaning. */
export abstract class PieceParser extends EmbeddedActionsParser {
  source: Source = { path: '', text: '' }
  /** Lines of the doc comment that stands before the token at an offset. */
  docs: ReadonlyMap<number, readonly string[]> = new Map()
  problems: Problem[] = []
  /** The depth of the deepest expression since `begin`. */
  deepest = 0

  constructor(skipValidations: boolean) {
    super(vocabulary, { recoveryEnabled: false, maxLookahead: 2, skipValidations, errorMessageProvider: messages })
  }

  /** Takes the tokens of the next piece. */
  begin(tokens: IToken[]): void {
    this.problems = []
    this.deepest = 0
    this.input = tokens
  }

  protected span(start: number, end: number): Span {
    return { source: this.source, start, end }
  }

  protected tokenSpan(token: IToken): Span {
    return this.span(token.startOffset, endOf(token))
  }

  /** From a token to the last one consumed. */
  protected since(first: IToken): Span {
    return this.span(first.startOffset, endOf(this.LA(0)))
  }

  protected asName(token: IToken): Name {
    return { text: token.image, span: this.tokenSpan(token) }
  }

  protected docOf(token: IToken): readonly string[] {
    return this.docs.get(token.startOffset) ?? noDocs
  }

  protected blockOf(token: IToken): ParsedBlock {
    return token.payload as ParsedBlock
  }

  protected problem(code: Code, message: string, span: Span, isMild: boolean, more: Pick<Problem, 'help' | 'fix'> = {}): void {
    this.problems.push({ code, message, span, isMild, ...more })
  }

  protected asString(token: IToken): StringLiteral {
    const image = token.image
    const isWhole = image.length > 1 && image.endsWith(image[0]!)
    const value = image.slice(1, isWhole ? -1 : undefined).replace(/\\([^])/gu, (all, letter: string, at: number) => {
      if (Object.hasOwn(escapes, letter)) return escapes[letter]!
      const start = token.startOffset + 1 + at
      this.problem('SMOE1005', `\`${all}\` is not a string escape`, this.span(start, start + all.length), true, {
        help: 'write a backslash as `\\\\`',
      })
      return letter
    })
    return { kind: 'string', value, span: this.tokenSpan(token) }
  }

  /** One or more of what the rule reads, with commas between them and maybe one after the last. */
  protected list<T>(item: ParserMethod<[], T>): readonly T[] {
    const items: T[] = []
    const first = this.SUBRULE(item)
    this.ACTION(() => items.push(first))
    this.MANY(() => {
      this.CONSUME(Comma)
      const next = this.SUBRULE1(item)
      this.ACTION(() => items.push(next))
    })
    this.OPTION(() => this.CONSUME1(Comma))
    return items
  }
}
