/**
 * Tokens -> pieces: brackets are matched and statements told apart before anything is parsed, so that a mistake in one statement
 * cannot reach the next. A missing or a stray bracket is said once, and mended where it stands.
 */
import { closerOf, isClose, isOpen } from './layout/brackets.ts'
import { linesOf, type Lines } from './layout/lines.ts'
import { Mend } from './layout/mend.ts'
import type { Frame } from './layout/nest.ts'
import type { Context, Piece } from './layout/pieces.ts'
import { createReporter, type Reporter } from './report.ts'
import { endsOperand, startsClause, startsDeclaration, startsEntry, startsStatement, type Cursor } from './starts.ts'
import {
  Arrow,
  BlockToken,
  CallParen,
  CloseBrace,
  Dot,
  endOf,
  IndexBracket,
  OpenBrace,
  retype,
  StringToken,
  Word,
  isA,
  type Token,
} from './tokens.ts'

/**
 * The file as pieces, each a declaration or an import; `troubled` holds the indexes of tokens with a mistake already reported.
 * First by brackets alone; where they do not match, once more with the indentation as a witness. Never throws; linear.
 */
export function layOut(tokens: readonly Token[], troubled: ReadonlySet<number>, report: Reporter): readonly Piece[] {
  const lines = linesOf(tokens, report.source)
  const trial = createReporter(report.source)
  const strict = new Layout(tokens, lines, troubled, trial, new Set())
  strict.run()
  if (trial.diagnostics.length === 0 && strict.unbalanced.size === 0) return strict.root.pieces
  const mended = new Layout(tokens, lines, troubled, report, strict.unbalanced)
  mended.run()
  return mended.root.pieces
}

class Layout extends Mend {
  /** The last `)` that closed what `moe` is given. */
  private moeEnd: Token | null = null
  private readonly witnesses: ReadonlySet<number>

  constructor(
    tokens: readonly Token[],
    lines: Lines,
    troubled: ReadonlySet<number>,
    report: Reporter,
    witnesses: ReadonlySet<number>,
  ) {
    super(tokens, lines, troubled, report)
    this.witnesses = witnesses
  }

  run(): void {
    for (let i = 0; i < this.tokens.length; i++) {
      this.take(i)
      this.lastEnd = endOf(this.tokens[i]!)
    }
    this.closeAll()
    this.endPiece()
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
    const outdented = piece.length > 0 && this.lines.columns[index]! <= this.pieceColumn(index)
    return { tokens: this.tokens, index, piece, first: this.lines.firsts[index]!, inBrackets: this.brackets > 0, outdented }
  }

  private startsPiece(i: number): boolean {
    const cursor = this.cursor(i)
    switch (this.frame.context) {
      case 'file':
        return this.startsJunk(cursor)
      case 'names':
        return false
      case 'statements':
        return startsStatement(cursor)
      case 'clauses':
        return startsClause(cursor)
      case 'entries':
        return startsEntry(cursor)
      default:
        return this.frame.context satisfies never
    }
  }

  /**
   * What begins a line after a whole import and is no declaration stands for itself; so does what looks like a misspelled one.
   */
  private startsJunk({ piece, first, index }: Cursor): boolean {
    if (!first) return false
    const isHeaded =
      this.tokens[index + 2]?.image === '(' && this.tokens.slice(index, index + 2).every((token) => isA(token, Word))
    const last = piece.at(-1)!.tokenType
    return piece[0]!.image === 'import' ? last === StringToken : isHeaded && last === BlockToken
  }

  private beginDeclaration(i: number): void {
    this.closeAll()
    this.endPiece()
    this.declaration = i
  }

  private open(i: number): void {
    const token = this.tokens[i]!
    if (!this.hasRoom(i)) return
    const previous = this.frame.piece?.tokens.at(-1)
    if (!this.lines.firsts[i] && endsOperand(previous)) {
      if (token.image === '[') retype(token, IndexBracket)
      else if (isA(previous!, Word) || previous!.image === 'moe') retype(token, CallParen)
    } else if (token.image === '(' && !this.lines.firsts[i] && previous?.image === 'moe') retype(token, CallParen)
    this.append(token, i)
    const isMoe = previous?.image === 'moe' && token.image === '('
    this.stack.push({ token, indents: [this.lines.columns[i]!, this.pieceColumn(i)], frame: null, isMoe })
    this.brackets++
  }

  private openBrace(i: number): void {
    const token = this.tokens[i]!
    if (this.frame.context === 'entries' && this.isInPath()) {
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
    this.stack.push({ token, indents: [this.lines.columns[i]!, this.pieceColumn(i)], frame, isMoe: false })
    this.frame = frame
    this.brackets = 0
  }

  /** Does the path of a weight begin or go on here? A brace after the name of a tensor opens a group of entries. */
  private isInPath(): boolean {
    const last = this.frame.piece?.tokens.at(-1)
    return last === undefined || last.tokenType === Dot
  }

  /** Does the piece so far end with `moe(...)` or `moe(...) as label`? */
  private followsMoe(): boolean {
    const tokens = this.frame.piece?.tokens ?? []
    return (
      this.moeEnd !== null && (tokens.at(-1) === this.moeEnd || (tokens.at(-3) === this.moeEnd && tokens.at(-2)!.image === 'as'))
    )
  }

  private contextOfBlock(): Context {
    const head = this.frame.piece?.tokens[0]?.image
    if (this.frame.context === 'file') return head === 'import' ? 'names' : 'statements'
    if (this.frame.context === 'entries') return 'entries'
    if (this.frame.context !== 'statements' || this.brackets > 0) return 'clauses'
    if (head === 'weights') return this.frame.piece!.tokens.length === 1 ? 'entries' : 'clauses'
    const isNested = head === 'repeat' || head === 'once' || head === 'when' || head === 'train'
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
    if (this.hasWitness(i) && this.lines.columns[i]! > Math.max(...open.indents)) return this.strayBrace(i)
    if (this.hasWitness(i) && this.stack.length === 1 && this.goesOn(i + 1)) return this.strayBrace(i)
    while (this.hasWitness(i) && this.hasOuterBrace() && this.lines.columns[i]! < Math.min(...this.stack.at(-1)!.indents)) {
      this.missingBrace()
      this.closeBrackets()
    }
    this.popBrace(endOf(token))
  }

  /** Does the column of the token count in deciding which brace is missing? */
  private hasWitness(i: number): boolean {
    return this.lines.firsts[i]! && this.witnesses.has(this.declaration)
  }

  /** Does the declaration go on after a brace that would end it? */
  private goesOn(next: number): boolean {
    return (
      next < this.tokens.length && this.lines.firsts[next]! && this.lines.columns[next]! > this.lines.columns[this.declaration]!
    )
  }

  /** In a declaration whose braces do not match, a statement no deeper than the block's own line lies outside the block. */
  private closeOutdented(i: number): void {
    const token = this.tokens[i]!
    if (!this.hasWitness(i) || token.tokenType === CloseBrace || this.frame.context === 'names') return
    while (this.brackets === 0 && this.stack.length > 1) {
      const { indents, frame } = this.stack.at(-1)!
      if (frame === null || this.lines.columns[i]! > Math.min(...indents)) return
      this.missingBrace()
    }
  }
}
