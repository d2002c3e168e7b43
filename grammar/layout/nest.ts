import type { Reporter } from '../report.ts'
import { declarations } from '../starts.ts'
import { AnyWord, BlockToken, CallParen, IndexBracket, Word, isA, type Token } from '../tokens.ts'
import { synthetic } from './brackets.ts'
import type { Lines } from './lines.ts'
import type { Block, Context, Piece } from './pieces.ts'

/** A block that is still being read. */
export interface Frame {
  readonly context: Context
  readonly pieces: Piece[]
  piece: Piece | null
}

/** A bracket or a brace not yet closed. */
export interface Open {
  readonly token: Token
  /** The columns at which its line and its piece begin. */
  readonly indents: readonly [number, number]
  /** Null for brackets, and for the braces of `{i}` in the path of a weight. */
  readonly frame: Frame | null
  /** Whether it is the argument list of `moe`. */
  readonly isMoe: boolean
}

/** Is it a declaration, or something that stands where one should? */
const isDeclared = ({ tokens }: Piece): boolean => declarations.has(tokens[0]!.image)

/** What is open at a place in the text, and the pieces read so far. */
export abstract class Nest {
  readonly root: Frame = { context: 'file', pieces: [], piece: null }
  protected readonly stack: Open[] = []
  protected frame: Frame = this.root
  /** How many brackets are open in the current piece. */
  protected brackets = 0
  private readonly pieceColumns = new Map<Piece, number>()
  protected readonly tokens: readonly Token[]
  protected readonly lines: Lines
  protected readonly report: Reporter
  private readonly troubled: ReadonlySet<number>

  constructor(tokens: readonly Token[], lines: Lines, troubled: ReadonlySet<number>, report: Reporter) {
    this.tokens = tokens
    this.lines = lines
    this.troubled = troubled
    this.report = report
  }

  protected pieceColumn(index: number): number {
    const piece = this.frame.piece
    return piece === null ? this.lines.columns[index]! : (this.pieceColumns.get(piece) ?? this.lines.columns[index]!)
  }

  /** The piece that token `i` goes to. */
  protected pieceAt(i: number): Piece {
    if (this.frame.piece !== null) return this.frame.piece
    this.frame.piece = { tokens: [], reported: false, cut: false }
    this.pieceColumns.set(this.frame.piece, this.lines.columns[i] ?? 1)
    return this.frame.piece
  }

  protected append(token: Token, i: number): void {
    const piece = this.pieceAt(i)
    piece.tokens.push(token)
    if (this.troubled.has(i)) piece.reported = true
  }

  protected endPiece(): void {
    if (this.frame.piece !== null) this.frame.pieces.push(this.frame.piece)
    this.frame.piece = null
    this.brackets = 0
  }

  protected popBrace(end: number): void {
    const { frame, token } = this.stack.pop()!
    this.endPiece()
    const block: Block = { context: frame!.context, pieces: frame!.pieces }
    const made: Token = { ...synthetic(BlockToken, '{', token.startOffset), endOffset: end - 1, payload: block }
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

  /** Is a brace open around the innermost one? */
  protected hasOuterBrace(): boolean {
    return this.stack.filter(({ frame }) => frame !== null).length > 1
  }

  /** What a brace belongs to: the piece that was being read when it was opened. */
  protected owner(brace: Token): string {
    const at = this.stack.findIndex(({ token }) => token === brace)
    const outer = this.stack.slice(0, Math.max(at, 0)).findLast(({ frame }) => frame !== null)?.frame ?? this.root
    const [head, name] = outer.piece?.tokens ?? []
    const isWord = head !== undefined && isA(head, AnyWord)
    if (!isWord) return 'the block'
    const isNamed = outer === this.root && name !== undefined && isA(name, Word)
    return isNamed ? `\`${head.image} ${name.image}\`` : `the block of \`${head.image}\``
  }

  protected purpose({ token }: Open): string {
    const at = this.frame.piece?.tokens.indexOf(token) ?? -1
    const before = at > 0 ? this.frame.piece!.tokens[at - 1]!.image : ''
    const isHead = this.frame.context === 'file'
    if (token.tokenType === CallParen) return `to close the ${isHead ? 'parameters' : 'call'} of \`${before}\``
    if (token.tokenType === IndexBracket) return `to close the \`[\` after \`${before}\``
    return `to close the \`${token.image}\``
  }
}
