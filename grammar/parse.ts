/**
 * Text -> syntax tree. Every mistake at once: tokens are cleaned, laid out in pieces, and each piece is parsed alone; a piece
 * without a readable form is left out, and the names it would have brought are noted.
 */
import { advise, nameToken } from './advise.ts'
import type { Comment, Declaration, File, Import, MoeClause, Name, Statement, WeightLine } from './ast.ts'
import { clean } from './clean.ts'
import type { Diagnostic } from './diagnostic.ts'
import { docsOf } from './docs.ts'
import { layOut } from './layout.ts'
import { maximumNesting, type Block, type Piece } from './layout/pieces.ts'
import { foreignAssignment, foreignDeclarations, foreignStatements } from './foreign.ts'
import { lex } from './lexer.ts'
import { createReporter, type Reporter } from './report.ts'
import { Rules } from './rules.ts'
import type { ParsedBlock, Problem } from './rules/piece.ts'
import type { Unexpected } from './rules/token-reader.ts'
import type { Source, Span } from './source.ts'
import { splitList } from './split-list.ts'
import { closest } from './suggest.ts'
import { AnyWord, BlockToken, endOf, Equals, isA, reservedNames, retype, word, Word, type Token } from './tokens.ts'

export interface Parsed {
  readonly file: File
  /** In the order of their places. */
  readonly diagnostics: readonly Diagnostic[]
}

export const maximumBytes = 4 * 1024 * 1024

/** Never throws; the file is always there, though without the parts that have no readable form. */
export function parse(source: Source): Parsed {
  const report = createReporter(source)
  const span = report.span(0, source.text.length)
  if (isTooLarge(source.text)) {
    report.error('SMOE1009', `the file is larger than ${maximumBytes / 1024 / 1024} MiB`, report.span(0, 0))
    return { file: { source, imports: [], declarations: [], comments: [], lost: [], span }, diagnostics: report.diagnostics }
  }
  const lexed = lex(source.text)
  const comments = lexed.comments.map((token) => commentOf(token, source))
  const { tokens, troubled } = clean(lexed.tokens, report)
  const pieces = layOut(tokens, troubled, report)
  const rules = new Rules(source, docsOf(source, tokens, comments))
  const parts = new Assembly(rules, report).file(pieces)
  const diagnostics = [...report.diagnostics].sort((a, b) => a.span.start - b.span.start)
  return { file: { source, ...parts, comments, span }, diagnostics }
}

function isTooLarge(text: string): boolean {
  if (text.length * 3 <= maximumBytes) return false
  return text.length > maximumBytes || new TextEncoder().encode(text).length > maximumBytes
}

function commentOf({ image, startOffset }: Token, source: Source): Comment {
  const whole = image.endsWith('\r') ? image.slice(0, -1) : image
  const isDoc = /^\/\/\/(?!\/)/.test(whole)
  const text = whole
    .slice(isDoc ? 3 : 2)
    .replace(/^ /, '')
    .trimEnd()
  return { text, isDoc, span: { source, start: startOffset, end: startOffset + whole.length } }
}

type StatementRule =
  | 'let'
  | 'assign'
  | 'param'
  | 'inputTensor'
  | 'output'
  | 'return'
  | 'repeat'
  | 'select'
  | 'weigh'
  | 'keep'
  | 'loss'
  | 'once'
  | 'when'
  | 'weights'
  | 'assert'
  | 'train'
  | 'metric'
  | 'method'
  | 'number'
  | 'batch'
  | 'initialise'
  | 'group'
  | 'learns'

const statementRules: ReadonlyMap<string, StatementRule> = new Map<string, StatementRule>([
  ['let', 'let'],
  ['var', 'let'],
  ['param', 'param'],
  ['input', 'inputTensor'],
  ['output', 'output'],
  ['return', 'return'],
  ['repeat', 'repeat'],
  ['select', 'select'],
  ['weigh', 'weigh'],
  ['keep', 'keep'],
  ['loss', 'loss'],
  ['once', 'once'],
  ['when', 'when'],
  ['weights', 'weights'],
  ['assert', 'assert'],
  ['train', 'train'],
  ['metric', 'metric'],
  ['optimiser', 'method'],
  ['schedule', 'method'],
  ['clip', 'number'],
  ['accumulate', 'number'],
  ['steps', 'number'],
  ['seed', 'number'],
  ['batch', 'batch'],
  ['initialise', 'initialise'],
  ['group', 'group'],
  ['learns', 'learns'],
])
const clauseRules: ReadonlyMap<string, 'experts' | 'route' | 'require'> = new Map([
  ['experts', 'experts'],
  ['shared', 'experts'],
  ['route', 'route'],
  ['require', 'require'],
] as const)
const declarationWords = ['fn', 'block', 'expert', 'policy', 'model', 'import']

/** May the sign follow the keyword? Otherwise a word like it is no misspelled keyword. */
const mayFollow = (keyword: string, next: Token | undefined): boolean =>
  next !== undefined &&
  !['=', '[', '.'].includes(next.image) &&
  (next.image !== '(' || ['return', 'weigh', 'keep', 'assert'].includes(keyword))

class Assembly {
  private readonly lost: Name[] = []
  private isPartial = false
  private readonly rules: Rules
  private readonly report: Reporter

  constructor(rules: Rules, report: Reporter) {
    this.rules = rules
    this.report = report
  }

  file(pieces: readonly Piece[]): Pick<File, 'imports' | 'declarations' | 'lost'> {
    const imports: Import[] = []
    const declarations: Declaration[] = []
    for (const piece of pieces) {
      const head = this.headOfDeclaration(piece)
      this.isPartial = false
      if (head === null) this.lose(piece)
      else if (head === 'import') {
        const made = this.run(piece, () => this.rules.import())
        if (made !== null && declarations.length > 0)
          this.report.error('SMOE1016', 'imports must come before declarations', made.span)
        if (made !== null) imports.push(made)
      } else {
        const made = this.declaration(piece)
        if (made !== null) declarations.push({ ...made, isPartial: this.isPartial })
      }
    }
    return { imports, declarations, lost: this.lost }
  }

  /** Each parameter alone, then the head without them: a mistake in one leaves the declaration standing. */
  private declaration(piece: Piece): Declaration | null {
    const { before, items, after } = splitList(piece.tokens)
    const { reported, cut } = piece
    const parameters = this.each(items, (tokens) => this.run({ tokens, reported, cut }, () => this.rules.parameter()))
    const made = this.run({ ...piece, tokens: [...before, ...after] }, () => this.rules.declaration())
    for (const token of made === null ? [] : after) {
      if (token.image === '=>')
        this.report.error('SMOE1013', 'write `->` instead of `=>`', this.spanOf(token), {
          fix: { span: this.spanOf(token), replacement: '->' },
        })
    }
    return made === null ? null : { ...made, parameters }
  }

  /** The keyword of a declaration, a misspelled one mended; null, and said so, where there is none. */
  private headOfDeclaration(piece: Piece): string | null {
    const first = piece.tokens[0]!
    if (declarationWords.includes(first.image) && isA(first, AnyWord)) return first.image
    const foreign = foreignDeclarations.get(first.image)
    const meant =
      foreign !== undefined ? (foreign.meant ?? null) : isA(first, Word) ? closest(first.image, declarationWords) : null
    const isHeaded =
      meant !== null && piece.tokens[1] !== undefined && (meant === 'import') === (piece.tokens[1].tokenType === BlockToken)
    const span = this.spanOf(first)
    const message = `expected a declaration, found ${nameToken(first)}`
    const help =
      foreign?.help ??
      (meant === null
        ? 'a file consists of imports and `fn`, `block`, `expert`, `policy` and `model` declarations'
        : `did you mean \`${meant}\`?`)
    if (!piece.reported)
      this.report.error('SMOE1010', message, span, { help, fix: isHeaded ? { span, replacement: meant } : null })
    if (!isHeaded) return null
    piece.tokens[0] = retype({ ...first, image: meant }, word(meant))
    return meant
  }

  private spanOf(token: Token): Span {
    return this.report.span(token.startOffset, Math.max(endOf(token), token.startOffset))
  }

  /** Parses the blocks of the piece, then the piece; null where it has no readable form. */
  private run<T>(piece: Piece, rule: () => T): T | null {
    for (const token of piece.tokens) if (token.tokenType === BlockToken) token.payload = this.block(token.payload as Block)
    const deep = nestingOf(piece.tokens)
    if (deep !== null) this.sayDeep(piece, this.spanOf(deep))
    if (deep !== null || piece.cut) return this.lose(piece)
    const { made, error } = this.rules.read(piece.tokens, rule)
    if (this.rules.deepest > maximumNesting) this.sayDeep(piece, this.spanOf(piece.tokens[0]!))
    if (error !== null) this.sayError(piece, error)
    const problems = this.rules.problems
    if (!piece.reported) for (const problem of error === null ? problems : []) this.say(problem)
    if (error !== null || this.rules.deepest > maximumNesting || problems.some(({ isMild }) => !isMild)) return this.lose(piece)
    return made
  }

  private say({ code, message, span, help = '', fix = null }: Problem): void {
    this.report.error(code, message, span, { help: help || null, fix })
  }

  private sayDeep(piece: Piece, span: Span): void {
    if (!piece.reported) {
      const message = `the expression is nested more than ${maximumNesting} levels deep`
      this.report.error('SMOE1008', message, span, { help: 'bind a part of it with `let`' })
    }
    piece.reported = true
  }

  private block({ context, pieces }: Block): ParsedBlock {
    const nothing: ParsedBlock = { statements: [], clauses: [], entries: [], names: [] }
    switch (context) {
      case 'names':
        return { ...nothing, names: pieces.flatMap((piece) => this.run(piece, () => this.rules.names()) ?? []) }
      case 'entries':
        return {
          ...nothing,
          entries: this.each(pieces, (piece): WeightLine | null => this.run(piece, () => this.rules.entry())),
        }
      case 'clauses':
        return { ...nothing, clauses: this.each(pieces, (piece) => this.clause(piece)) }
      case 'statements':
      case 'file':
        return { ...nothing, statements: this.each(pieces, (piece) => this.statement(piece)) }
      default:
        return context satisfies never
    }
  }

  private each<P, T>(pieces: readonly P[], make: (piece: P) => T | null): readonly T[] {
    return pieces.map(make).filter((made) => made !== null)
  }

  private clause(piece: Piece): MoeClause | null {
    const rule = this.ruleOf(piece, clauseRules, 'a clause')
    return rule === null ? this.lose(piece) : this.run(piece, () => this.rules[rule]())
  }

  private statement(piece: Piece): Statement | null {
    const isAssignment = piece.tokens[1]?.tokenType === Equals && isA(piece.tokens[0]!, Word)
    const rule = isAssignment ? 'assign' : this.ruleOf(piece, statementRules, 'a statement')
    if (rule === null) return this.lose(piece)
    return this.run(piece, () => this.rules[rule]())
  }

  /** The rule of the keyword that begins the piece, a misspelled one mended; null, and said so, where there is none. */
  private ruleOf<R>(piece: Piece, rules: ReadonlyMap<string, R>, what: string): R | null {
    const first = piece.tokens[0]!
    if (rules.has(first.image)) return rules.get(first.image)!
    const next = piece.tokens[1]
    const assignment = foreignAssignment(piece.tokens)
    const foreign = assignment ?? foreignStatements.get(first.image)
    const near = foreign !== undefined ? (foreign.meant ?? null) : isA(first, Word) ? closest(first.image, rules.keys()) : null
    const meant = near !== null && rules.has(near) && mayFollow(near, next) ? near : null
    const span = this.spanOf(first)
    const isReserved = reservedNames.has(first.image) && next?.tokenType === Equals
    const help = foreign?.help ?? (meant !== null ? `did you mean \`${meant}\`?` : null)
    if (!piece.reported && isReserved)
      this.report.error('SMOE1012', `\`${first.image}\` is a reserved word and cannot be a name`, span)
    else if (!piece.reported) {
      const [changed, replacement] =
        assignment?.fix == null
          ? [span, meant]
          : [this.report.span(assignment.fix.start, assignment.fix.end), assignment.fix.replacement]
      const fix = replacement === null ? null : { span: changed, replacement }
      this.report.error('SMOE1011', `expected ${what}, found ${nameToken(first)}`, span, { help, fix })
    }
    piece.reported = true
    if (meant === null) return null
    piece.tokens[0] = retype({ ...first, image: meant }, word(meant))
    return rules.get(meant)!
  }

  /** Leaves the piece out, and notes the names it would have brought. */
  private lose(piece: Piece): null {
    this.isPartial = true
    const [head, second] = piece.tokens
    const isNamed = second !== undefined && isA(second, Word) && isA(head!, AnyWord)
    for (const token of isNamed ? [second] : isA(head!, Word) ? [head!] : []) {
      this.lost.push({ text: token.image, span: this.spanOf(token) })
    }
    for (const token of piece.tokens) {
      const { names = [] } = token.tokenType === BlockToken ? (token.payload as ParsedBlock) : {}
      for (const { name, alias } of names) this.lost.push(alias ?? name)
    }
    return null
  }

  private sayError(piece: Piece, { token: at, expected, isChoice }: Unexpected): void {
    if (piece.reported) return
    piece.reported = true
    const isEnd = at === null
    const token = at ?? piece.tokens.at(-1)!
    const span = isEnd ? this.report.span(endOf(token), endOf(token)) : this.spanOf(token)
    if (expected === 'a name' && reservedNames.has(token.image)) {
      this.report.error('SMOE1012', `\`${token.image}\` is a reserved word and cannot be a name`, span)
      return
    }
    const found = nameToken(token)
    const advice = isEnd ? {} : advise(expected, piece.tokens, piece.tokens.indexOf(token), this.report, isChoice)
    const { help = null, fix = null } = advice
    const message =
      advice.message ??
      (isEnd
        ? `expected ${expected} after ${found}`
        : expected === ''
          ? `unexpected ${found}`
          : `expected ${expected}, found ${found}`)
    this.report.error('SMOE1001', message, span, { help, fix })
  }
}

/** The token at which brackets and conditionals nest too deeply to be parsed by recursion; null where they do not. */
function nestingOf(tokens: readonly Token[]): Token | null {
  const outer: number[] = []
  let conditionals = 0
  for (const token of tokens) {
    if (token.image === '(' || token.image === '[') outer.push(conditionals)
    else if (token.image === ')' || token.image === ']') conditionals = outer.pop() ?? 0
    else if (token.image === ',') conditionals = outer.at(-1) ?? 0
    else if (token.tokenType === word('if')) conditionals++
    if (outer.length + conditionals > maximumNesting) return token
  }
  return null
}
