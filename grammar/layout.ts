/**
 * Tokens -> pieces: brackets are matched and statements told apart before anything is parsed, so that a mistake in one statement
 * cannot reach the next. A missing or a stray bracket is said once, and mended where it stands.
 */
import { tokenMatcher, type IToken, type TokenType } from 'chevrotain'
import type { Code } from './codes.ts'
import { createReporter, type Reporter } from './report.ts'
import { positionAt } from './source.ts'
import { declarations, endsOperand, startsClause, startsDeclaration, startsEntry, startsStatement, type Cursor } from './starts.ts'
import {
  AnyWord, Arrow, BlockToken, CallParen, CloseBrace, CloseBracket, CloseParen, Dot, IndexBracket, OpenBrace, OpenBracket, OpenParen, retype,
  StringToken, Word,
} from './tokens.ts'

export const maximumNesting = 200

/** What a pair of braces holds. */
export type Context = 'file' | 'names' | 'statements' | 'clauses' | 'entries'

/** One declaration, statement, clause or entry; each block in it is a single `BlockToken` whose payload is a `Block`. */
export interface Piece {
  readonly tokens: IToken[]
  /** Something in it is already reported: no more is said of its form. */
  reported: boolean
  /** Part of it was left out: it cannot be parsed. */
  cut: boolean
}

export interface Block {
  readonly context: Context
  readonly pieces: readonly Piece[]
}

interface Frame {
  readonly context: Context
  readonly pieces: Piece[]
  piece: Piece | null
}

interface Open {
  readonly token: IToken
  /** The columns at which its line and its piece begin. */
  readonly indents: readonly [number, number]
  /** Null for brackets, and for the braces of `{i}` in the path of a weight. */
  readonly frame: Frame | null
  /** Does it hold what `moe` is given? */
  readonly isMoe: boolean
}

export const endOf = (token: IToken): number => token.endOffset! + 1

const isOpen = (token: IToken): boolean =>
  token.tokenType === OpenParen || token.tokenType === CallParen || token.tokenType === OpenBracket || token.tokenType === IndexBracket
const isClose = (token: IToken): boolean => token.tokenType === CloseParen || token.tokenType === CloseBracket
const closerOf = (open: IToken): { readonly type: TokenType; readonly text: string } =>
  open.image === '(' ? { type: CloseParen, text: ')' } : open.image === '[' ? { type: CloseBracket, text: ']' } : { type: CloseBrace, text: '}' }

/** Is it a declaration, or something that stands where one should? */
const isDeclared = ({ tokens }: Piece): boolean => declarations.has(tokens[0]!.image)

const lineWithBrace = ({ indents }: Open): string => `\n${' '.repeat(Math.min(...indents) - 1)}}`

const synthetic = (type: TokenType, text: string, offset: number): IToken =>
  ({ image: text, startOffset: offset, endOffset: offset - 1, tokenType: type, tokenTypeIdx: type.tokenTypeIdx! })

/**
 * The file as pieces, each a declaration or an import; `troubled` holds the indexes of tokens with a mistake already reported.
 * First by brackets alone; where they do not match, once more with the indentation as a witness. Never throws; linear.
 */
export function layOut(tokens: readonly IToken[], troubled: ReadonlySet<number>, report: Reporter): readonly Piece[] {
  const trial = createReporter(report.source)
  const strict = new Layout(tokens, troubled, trial, new Set())
  strict.run()
  if (trial.diagnostics.length === 0 && strict.unbalanced.size === 0) return strict.root.pieces
  const mended = new Layout(tokens, troubled, report, strict.unbalanced)
  mended.run()
  return mended.root.pieces
}

class Layout {
  readonly root: Frame = { context: 'file', pieces: [], piece: null }
  /** The first tokens of the declarations whose braces do not match. */
  readonly unbalanced = new Set<number>()
  private readonly stack: Open[] = []
  private frame: Frame = this.root
  /** How many brackets are open in the current piece. */
  private brackets = 0
  /** How many are open beyond `maximumNesting`. */
  private beyond = 0
  private lastEnd = 0
  private lastStray = -1
  /** The last `)` that closed what `moe` is given. */
  private moeEnd: IToken | null = null
  private readonly pieceColumns = new Map<Piece, number>()
  private declaration = -1
  private readonly firsts: boolean[] = []
  private readonly columns: number[] = []
  private readonly tokens: readonly IToken[]
  private readonly troubled: ReadonlySet<number>
  private readonly report: Reporter
  private readonly witnesses: ReadonlySet<number>

  constructor(tokens: readonly IToken[], troubled: ReadonlySet<number>, report: Reporter, witnesses: ReadonlySet<number>) {
    this.tokens = tokens
    this.troubled = troubled
    this.report = report
    this.witnesses = witnesses
    this.measureLines()
  }

  run(): void {
    for (let i = 0; i < this.tokens.length; i++) {
      this.take(i)
      this.lastEnd = endOf(this.tokens[i]!)
    }
    this.closeAll()
    this.endPiece()
  }

  private measureLines(): void {
    let line = 0
    for (const token of this.tokens) {
      const position = positionAt(this.report.source, token.startOffset)
      this.firsts.push(position.line !== line)
      this.columns.push(position.line !== line ? position.column : this.columns.at(-1)!)
      line = position.line
    }
  }

  private take(i: number): void {
    const token = this.tokens[i]!
    if (startsDeclaration(this.cursor(i), this.frame.context)) this.beginDeclaration(i)
    else if (this.beyond > 0) return this.skip(token)
    else {
      this.closeOutdented(i)
      this.closeNames(i)
      if (this.frame.piece !== null && this.startsPiece(i)) {
        this.closeBrackets()
        this.endPiece()
      }
    }
    this.place(i)
  }

  /** `import { a from "..."` */
  private closeNames(i: number): void {
    const isFrom = this.tokens[i]!.image === 'from' && this.tokens[i + 1]?.tokenType === StringToken
    if (isFrom && this.frame.context === 'names' && this.tokens[i - 1]?.image !== ',') this.missingBrace(' }')
  }

  private place(i: number): void {
    const token = this.tokens[i]!
    if (isOpen(token)) this.open(i)
    else if (token.tokenType === OpenBrace) this.openBrace(i)
    else if (isClose(token)) this.close(i)
    else if (token.tokenType === CloseBrace) this.closeBrace(i)
    else {
      if (token.tokenType === Arrow && this.frame.context === 'file') this.closeBrackets()
      if (token.image === 'in' && this.isInLabel()) this.closeBrackets()
      this.append(token, i)
    }
  }

  /** `repeat layers[i in 0..L` */
  private isInLabel(): boolean {
    const tokens = this.frame.piece?.tokens ?? []
    return this.brackets === 1 && tokens.length === 4 && tokens[0]!.image === 'repeat' && this.stack.at(-1)!.token === tokens[2]
  }

  private cursor(index: number): Cursor {
    const piece = this.frame.piece?.tokens ?? []
    const outdented = piece.length > 0 && this.columns[index]! <= this.pieceColumn(index)
    return { tokens: this.tokens, index, piece, first: this.firsts[index]!, inBrackets: this.brackets > 0, outdented }
  }

  private startsPiece(i: number): boolean {
    const cursor = this.cursor(i)
    switch (this.frame.context) {
      case 'file': return this.startsJunk(cursor)
      case 'names': return false
      case 'statements': return startsStatement(cursor)
      case 'clauses': return startsClause(cursor)
      case 'entries': return startsEntry(cursor)
      default: return this.frame.context satisfies never
    }
  }

  /** What begins a line after a whole import and is no declaration stands for itself; so does what looks like a misspelled one. */
  private startsJunk({ piece, first, index }: Cursor): boolean {
    if (!first) return false
    const isHeaded = this.tokens[index + 2]?.image === '(' && this.tokens.slice(index, index + 2).every((token) => tokenMatcher(token, Word))
    const last = piece.at(-1)!.tokenType
    return piece[0]!.image === 'import' ? last === StringToken : isHeaded && last === BlockToken
  }

  private beginDeclaration(i: number): void {
    this.closeAll()
    this.endPiece()
    this.declaration = i
  }

  private pieceColumn(index: number): number {
    const piece = this.frame.piece
    return piece === null ? this.columns[index]! : this.pieceColumns.get(piece) ?? this.columns[index]!
  }

  /** The piece that token `i` goes to. */
  private pieceAt(i: number): Piece {
    if (this.frame.piece !== null) return this.frame.piece
    this.frame.piece = { tokens: [], reported: false, cut: false }
    this.pieceColumns.set(this.frame.piece, this.columns[i] ?? 1)
    return this.frame.piece
  }

  private append(token: IToken, i: number): void {
    const piece = this.pieceAt(i)
    piece.tokens.push(token)
    if (this.troubled.has(i)) piece.reported = true
  }

  private endPiece(): void {
    if (this.frame.piece !== null) this.frame.pieces.push(this.frame.piece)
    this.frame.piece = null
    this.brackets = 0
  }

  /** Is there room for one more bracket? Says once where there is not. */
  private hasRoom(i: number): boolean {
    if (this.stack.length < maximumNesting) return true
    const token = this.tokens[i]!
    this.pieceAt(i).cut = true
    this.say('SMOE1008', `brackets are nested more than ${maximumNesting} levels deep`, token.startOffset, endOf(token))
    for (const { frame } of this.stack) if (frame !== null && frame.piece !== null) frame.piece.reported = true
    if (this.root.piece !== null) this.root.piece.reported = true
    this.beyond = 1
    return false
  }

  private skip(token: IToken): void {
    if (isOpen(token) || token.tokenType === OpenBrace) this.beyond++
    else if (isClose(token) || token.tokenType === CloseBrace) this.beyond--
  }

  private open(i: number): void {
    const token = this.tokens[i]!
    if (!this.hasRoom(i)) return
    const previous = this.frame.piece?.tokens.at(-1)
    if (!this.firsts[i] && endsOperand(previous)) {
      if (token.image === '[') retype(token, IndexBracket)
      else if (tokenMatcher(previous!, Word) || previous!.image === 'moe') retype(token, CallParen)
    } else if (token.image === '(' && !this.firsts[i] && previous?.image === 'moe') retype(token, CallParen)
    this.append(token, i)
    const isMoe = previous?.image === 'moe' && token.image === '('
    this.stack.push({ token, indents: [this.columns[i]!, this.pieceColumn(i)], frame: null, isMoe })
    this.brackets++
  }

  private openBrace(i: number): void {
    const token = this.tokens[i]!
    if (this.frame.context === 'entries' && this.frame.piece?.tokens.at(-1)?.tokenType === Dot) {
      if (!this.hasRoom(i)) return
      this.append(token, i)
      this.stack.push({ token, indents: [1, 1], frame: null, isMoe: false })
      this.brackets++
      return
    }
    const isMoe = this.followsMoe()
    if (this.frame.context === 'file' && !isMoe) this.closeBrackets()
    while (!isMoe && this.stack.at(-1)?.frame === null && this.stack.at(-1)!.token.image === '[') this.closeBrackets(1)
    if (!this.hasRoom(i)) return
    const frame: Frame = { context: isMoe ? 'clauses' : this.contextOfBlock(), pieces: [], piece: null }
    this.stack.push({ token, indents: [this.columns[i]!, this.pieceColumn(i)], frame, isMoe: false })
    this.frame = frame
    this.brackets = 0
  }

  /** Does the piece so far end with `moe(...)` or `moe(...) as label`? */
  private followsMoe(): boolean {
    const tokens = this.frame.piece?.tokens ?? []
    return this.moeEnd !== null && (tokens.at(-1) === this.moeEnd || (tokens.at(-3) === this.moeEnd && tokens.at(-2)!.image === 'as'))
  }

  private contextOfBlock(): Context {
    const head = this.frame.piece?.tokens[0]?.image
    if (this.frame.context === 'file') return head === 'import' ? 'names' : 'statements'
    if (this.frame.context !== 'statements' || this.brackets > 0) return 'clauses'
    if (head === 'weights') return this.frame.piece!.tokens.length === 1 ? 'entries' : 'clauses'
    const isNested = head === 'repeat' || head === 'once' || head === 'when'
    return isNested && this.frame.piece!.tokens[1]?.image !== '=' ? 'statements' : 'clauses'
  }

  private close(i: number): void {
    const token = this.tokens[i]!
    const from = this.stack.length - this.brackets
    let match = this.stack.length - 1
    while (match >= from && closerOf(this.stack[match]!.token).text !== token.image) match--
    if (match < from) return this.closeOther(i)
    this.closeBrackets(this.stack.length - 1 - match)
    const { isMoe } = this.stack.pop()!
    if (isMoe) this.moeEnd = token
    this.brackets--
    this.append(token, i)
  }

  /** A closing bracket that matches none that is open: the wrong one, or one too many. */
  private closeOther(i: number): void {
    const token = this.tokens[i]!
    const top = this.brackets > 0 ? this.stack.at(-1)! : null
    if (top === null) {
      if (this.frame.piece !== null) this.say('SMOE1007', `this \`${token.image}\` closes nothing`, token.startOffset, endOf(token), '')
      else this.sayStray(token)
      return
    }
    const { type, text } = closerOf(top.token)
    const message = () => `expected \`${text}\` ${this.purpose(top)}, found \`${token.image}\``
    this.say('SMOE1006', message, token.startOffset, endOf(token), text, top)
    this.stack.pop()
    this.brackets--
    this.append(synthetic(type, text, token.startOffset), i)
  }

  private closeBrace(i: number): void {
    const token = this.tokens[i]!
    const top = this.stack.at(-1)
    if (top !== undefined && top.frame === null && top.token.tokenType === OpenBrace) {
      this.stack.pop()
      this.brackets--
      return this.append(token, i)
    }
    this.closeBrackets()
    const open = this.stack.at(-1)
    if (open === undefined) return this.strayBrace(i)
    if (this.hasWitness(i) && this.columns[i]! > Math.max(...open.indents)) return this.strayBrace(i)
    if (this.hasWitness(i) && this.stack.length === 1 && this.goesOn(i + 1)) return this.strayBrace(i)
    while (this.hasWitness(i) && this.hasOuterBrace() && this.columns[i]! < Math.min(...this.stack.at(-1)!.indents)) {
      this.missingBrace()
      this.closeBrackets()
    }
    this.popBrace(endOf(token))
  }

  /** Is a brace open around the innermost one? */
  private hasOuterBrace(): boolean {
    return this.stack.filter(({ frame }) => frame !== null).length > 1
  }

  /** Does the column of the token count in deciding which brace is missing? */
  private hasWitness(i: number): boolean {
    return this.firsts[i]! && this.witnesses.has(this.declaration)
  }

  /** Does the declaration go on after a brace that would end it? */
  private goesOn(next: number): boolean {
    return next < this.tokens.length && this.firsts[next]! && this.columns[next]! > this.columns[this.declaration]!
  }

  /** In a declaration whose braces do not match, a statement no deeper than the block's own line lies outside the block. */
  private closeOutdented(i: number): void {
    const token = this.tokens[i]!
    if (!this.hasWitness(i) || token.tokenType === CloseBrace || this.frame.context === 'names') return
    while (this.brackets === 0 && this.stack.length > 1) {
      const { indents, frame } = this.stack.at(-1)!
      if (frame === null || this.columns[i]! > Math.min(...indents)) return
      this.missingBrace()
    }
  }

  private strayBrace(i: number): void {
    const token = this.tokens[i]!
    if (this.frame.context === 'file') this.unbalanced.add(this.declaration)
    // Statements that a premature brace left outside end with the brace that was meant to close them.
    if (this.frame.context === 'file' && this.frame.piece !== null) return this.endPiece()
    this.sayStray(token)
  }

  /** Once for a run of them. */
  private sayStray(token: IToken): void {
    const isRun = this.lastStray === this.lastEnd && this.lastEnd > 0
    this.lastStray = endOf(token)
    if (isRun) return
    const span = this.report.span(token.startOffset, endOf(token))
    this.report.error('SMOE1007', `this \`${token.image}\` closes nothing`, span, { fix: { span, replacement: '' } })
  }

  private missingBrace(closer?: string): void {
    this.closeBrackets()
    const open = this.stack.at(-1)!
    this.sayMissingBrace(open, this.lastEnd, closer ?? lineWithBrace(open))
    this.popBrace(this.lastEnd)
  }

  private popBrace(end: number): void {
    const { frame, token } = this.stack.pop()!
    this.endPiece()
    const block: Block = { context: frame!.context, pieces: frame!.pieces }
    const made: IToken = { ...synthetic(BlockToken, '{', token.startOffset), endOffset: end - 1, payload: block }
    this.frame = this.root
    this.brackets = 0
    for (let k = this.stack.length - 1; k >= 0; k--) {
      const below = this.stack[k]!
      if (below.frame !== null) {
        this.frame = below.frame
        break
      }
      this.brackets++
    }
    this.append(made, -1)
    if (this.frame === this.root && block.context === 'statements' && isDeclared(this.frame.piece!)) this.endPiece()
  }

  /** Closes the innermost `count` brackets of the piece, all by default, and says so. */
  private closeBrackets(count = this.brackets): void {
    if (count === 0 || this.beyond > 0) {
      if (this.beyond > 0) this.dropBrackets()
      return
    }
    const end = endOf(this.frame.piece!.tokens.at(-1)!)
    const innermost = this.stack.at(-1)!
    const texts = this.stack.slice(this.stack.length - count).reverse().map(({ token }) => closerOf(token))
    const missing = texts.map(({ text }) => text).join('')
    this.say('SMOE1006', () => `expected \`${texts[0]!.text}\` ${this.purpose(innermost)}`, end, end, missing, innermost)
    for (const { type, text } of texts) this.append(synthetic(type, text, end), -1)
    this.stack.length -= count
    this.brackets -= count
  }

  private dropBrackets(): void {
    if (this.brackets > 0) this.frame.piece!.cut = this.frame.piece!.reported = true
    this.stack.length -= this.brackets
    this.brackets = 0
  }

  /** Before a declaration and at the end of the file nothing stays open. */
  private closeAll(): void {
    const isSaid = this.beyond > 0
    this.closeBrackets()
    this.beyond = 0
    const braces = this.stack.filter(({ frame }) => frame !== null)
    if (braces.length > 0) {
      this.unbalanced.add(this.declaration)
      if (!isSaid) this.sayMissingBrace(braces.at(-1)!, this.lastEnd, braces.length === 1 ? lineWithBrace(braces[0]!) : null)
      for (const { frame } of braces) if (frame!.piece !== null) frame!.piece.reported = true
    }
    while (this.stack.length > 0) {
      if (this.stack.at(-1)!.frame === null) this.dropBrackets()
      else this.popBrace(this.lastEnd)
    }
  }

  private sayMissingBrace({ token }: Open, end: number, closer: string | null): void {
    const opened = { span: this.report.span(token.startOffset, endOf(token)), message: 'opened here' }
    const at = this.report.span(end, end)
    const fix = closer === null ? null : { span: at, replacement: closer }
    this.report.error('SMOE1006', `expected \`}\` to close ${this.owner(token)}`, at, { related: [opened], fix })
  }

  /** What a brace belongs to: the piece that was being read when it was opened. */
  private owner(brace: IToken): string {
    const at = this.stack.findIndex(({ token }) => token === brace)
    const outer = this.stack.slice(0, Math.max(at, 0)).findLast(({ frame }) => frame !== null)?.frame ?? this.root
    const [head, name] = outer.piece?.tokens ?? []
    const isWord = head !== undefined && tokenMatcher(head, AnyWord)
    if (!isWord) return 'the block'
    const isNamed = outer === this.root && name !== undefined && tokenMatcher(name, Word)
    return isNamed ? `\`${head.image} ${name.image}\`` : `the block of \`${head.image}\``
  }

  private purpose({ token }: Open): string {
    const at = this.frame.piece?.tokens.indexOf(token) ?? -1
    const before = at > 0 ? this.frame.piece!.tokens[at - 1]!.image : ''
    const isHead = this.frame.context === 'file'
    if (token.tokenType === CallParen) return `to close the ${isHead ? 'parameters' : 'call'} of \`${before}\``
    if (token.tokenType === IndexBracket) return `to close the \`[\` after \`${before}\``
    return `to close the \`${token.image}\``
  }

  /** Reports a mistake of the current piece, unless one of its mistakes is known. */
  private say(code: Code, message: string | (() => string), start: number, end: number, replacement?: string, open?: Open): void {
    const piece = this.frame.piece!
    if (piece.reported) return
    piece.reported = true
    const span = this.report.span(start, end)
    const related = open === undefined ? [] : [{ span: this.report.span(open.token.startOffset, endOf(open.token)), message: 'opened here' }]
    const text = typeof message === 'string' ? message : message()
    this.report.error(code, text, span, { related, fix: replacement === undefined ? null : { span, replacement } })
  }
}
