import type { Code } from '../codes.ts'
import type { Diagnostic } from '../diagnostic.ts'
import { CloseBrace, endOf, OpenBrace, type Token } from '../tokens.ts'
import { closerOf, isClose, isOpen, synthetic } from './brackets.ts'
import { Nest, type Open } from './nest.ts'
import { maximumNesting } from './pieces.ts'

const lineWithBrace = ({ indents }: Open): string => `\n${' '.repeat(Math.min(...indents) - 1)}}`

/** Bracket repair: a missing or unmatched bracket is reported once and mended. */
export abstract class Mend extends Nest {
  /** The first tokens of the declarations whose braces do not match. */
  readonly unbalanced = new Set<number>()
  /** The first token of the declaration that is being read. */
  protected declaration = -1
  /** How many brackets are open beyond `maximumNesting`. */
  protected beyond = 0
  /** Where the last token taken ends. */
  protected lastEnd = 0
  private lastStray = -1

  /** Is there room for one more bracket? Says once where there is not. */
  protected hasRoom(i: number): boolean {
    if (this.stack.length < maximumNesting) return true
    const token = this.tokens[i]!
    this.pieceAt(i).cut = true
    this.say('SMOE1008', `brackets are nested more than ${maximumNesting} levels deep`, token.startOffset, endOf(token))
    for (const { frame } of this.stack) if (frame !== null && frame.piece !== null) frame.piece.reported = true
    if (this.root.piece !== null) this.root.piece.reported = true
    this.beyond = 1
    return false
  }

  protected skip(token: Token): void {
    if (isOpen(token) || token.tokenType === OpenBrace) this.beyond++
    else if (isClose(token) || token.tokenType === CloseBrace) this.beyond--
  }

  protected missingBrace(closer?: string): void {
    this.closeBrackets()
    const open = this.stack.at(-1)!
    this.sayMissingBrace(open, this.lastEnd, closer ?? lineWithBrace(open))
    this.popBrace(this.lastEnd)
  }

  /** Closes the innermost `count` brackets of the piece, all by default, and says so. */
  protected closeBrackets(count = this.brackets): void {
    if (count === 0 || this.beyond > 0) {
      if (this.beyond > 0) this.dropBrackets()
      return
    }
    const end = endOf(this.frame.piece!.tokens.at(-1)!)
    const innermost = this.stack.at(-1)!
    const texts = this.stack
      .slice(this.stack.length - count)
      .reverse()
      .map(({ token }) => closerOf(token))
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
  protected closeAll(): void {
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

  /** A closing bracket that matches none that is open: the wrong one, or one too many. */
  protected closeOther(i: number): void {
    const token = this.tokens[i]!
    const top = this.brackets > 0 ? this.stack.at(-1)! : null
    if (top === null) {
      if (this.frame.piece !== null) this.say('SMOE1007', `unmatched \`${token.image}\``, token.startOffset, endOf(token), '')
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

  protected strayBrace(i: number): void {
    const token = this.tokens[i]!
    if (this.frame.context === 'file') this.unbalanced.add(this.declaration)
    // Statements that a premature brace left outside end with the brace that was meant to close them.
    if (this.frame.context === 'file' && this.frame.piece !== null) return this.endPiece()
    this.sayStray(token)
  }

  /** Once for a run of them. */
  private sayStray(token: Token): void {
    const isRun = this.lastStray === this.lastEnd && this.lastEnd > 0
    this.lastStray = endOf(token)
    if (isRun) return
    const span = this.report.span(token.startOffset, endOf(token))
    this.report.error('SMOE1007', `unmatched \`${token.image}\``, span, { fix: { span, replacement: '' } })
  }

  private sayMissingBrace(open: Open, end: number, closer: string | null): void {
    const at = this.report.span(end, end)
    const fix = closer === null ? null : { span: at, replacement: closer }
    this.report.error('SMOE1006', `expected \`}\` to close ${this.owner(open.token)}`, at, {
      related: [this.openedHere(open)],
      fix,
    })
  }

  private openedHere({ token }: Open): Diagnostic['related'][number] {
    return { span: this.report.span(token.startOffset, endOf(token)), message: 'opened here' }
  }

  /** Reports a mistake of the current piece, unless one of its mistakes is known. */
  private say(code: Code, message: string | (() => string), start: number, end: number, replacement?: string, open?: Open): void {
    const piece = this.frame.piece!
    if (piece.reported) return
    piece.reported = true
    const span = this.report.span(start, end)
    const related = open === undefined ? [] : [this.openedHere(open)]
    const text = typeof message === 'string' ? message : message()
    this.report.error(code, text, span, { related, fix: replacement === undefined ? null : { span, replacement } })
  }
}
