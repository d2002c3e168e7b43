/**
 * The ground of the grammar of one piece: a declaration, a statement, a clause or an entry, whose blocks are already taken apart.
 */
import type { Import, MoeClause, Name, Statement, StringLiteral, WeightLine } from '../ast.ts'
import type { Code } from '../codes.ts'
import type { Diagnostic } from '../diagnostic.ts'
import type { Source, Span } from '../source.ts'
import { endOf, type Token } from '../tokens.ts'
import { TokenReader, type Reading } from './token-reader.ts'

/** What a block holds once its pieces are parsed. */
export interface ParsedBlock {
  readonly statements: readonly Statement[]
  readonly clauses: readonly MoeClause[]
  readonly entries: readonly WeightLine[]
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

const noDocs: readonly string[] = []

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' }

/** What every layer of rules reads with: places, names, docs, blocks, strings; and where it notes problems of meaning. */
export abstract class PieceParser extends TokenReader {
  private readonly source: Source
  /** Lines of the doc comment that stands before the token at an offset. */
  private readonly docs: ReadonlyMap<number, readonly string[]>
  problems: Problem[] = []
  /** The depth of the deepest expression of the piece. */
  deepest = 0

  constructor(source: Source, docs: ReadonlyMap<number, readonly string[]>) {
    super()
    this.source = source
    this.docs = docs
  }

  /** What a rule makes of a piece; `problems` and `deepest` are of it until the next one. */
  read<T>(tokens: readonly Token[], rule: () => T): Reading<T> {
    this.problems = []
    this.deepest = 0
    return this.readAll(tokens, rule)
  }

  protected span(start: number, end: number): Span {
    return { source: this.source, start, end }
  }

  protected tokenSpan(token: Token): Span {
    return this.span(token.startOffset, endOf(token))
  }

  /** From a token to the last one taken. */
  protected since(first: Token): Span {
    return this.span(first.startOffset, endOf(this.previous))
  }

  protected asName(token: Token): Name {
    return { text: token.image, span: this.tokenSpan(token) }
  }

  protected docOf(token: Token): readonly string[] {
    return this.docs.get(token.startOffset) ?? noDocs
  }

  protected blockOf(token: Token): ParsedBlock {
    return token.payload as ParsedBlock
  }

  protected problem(code: Code, message: string, span: Span, isMild: boolean, more: Pick<Problem, 'help' | 'fix'> = {}): void {
    this.problems.push({ code, message, span, isMild, ...more })
  }

  protected asString(token: Token): StringLiteral {
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
}
