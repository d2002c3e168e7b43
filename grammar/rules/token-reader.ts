/** A recursive-descent parser over the tokens of one piece: one token of lookahead, two where a rule asks for the second. */
import { CloseBracket, CloseParen, Comma, isA, type Token, type TokenType } from '../tokens.ts'

/** The first syntax error of a piece. */
export interface Unexpected {
  /** Null at the end of the piece. */
  readonly token: Token | null
  /** In words; empty where the piece should have ended. */
  readonly expected: string
  /** Whether one of several forms was expected. */
  readonly isChoice: boolean
}

export type Reading<T> = { readonly made: T; readonly error: null } | { readonly made: null; readonly error: Unexpected }

class UnexpectedToken extends Error {
  readonly unexpected: Unexpected

  constructor(unexpected: Unexpected) {
    super(unexpected.expected)
    this.unexpected = unexpected
  }
}

const listEnds = new Map([
  [CloseParen, '`,` or `)`'],
  [CloseBracket, '`,` or `]`'],
])

export abstract class TokenReader {
  private tokens: readonly Token[] = []
  private at = 0

  /** What a rule makes of all of the tokens, or the first error. */
  protected readAll<T>(tokens: readonly Token[], rule: () => T): Reading<T> {
    this.tokens = tokens
    this.at = 0
    try {
      const made = rule()
      if (this.at < tokens.length) this.refuse('')
      return { made, error: null }
    } catch (problem) {
      if (problem instanceof UnexpectedToken) return { made: null, error: problem.unexpected }
      throw problem
    }
  }

  protected get previous(): Token {
    return this.tokens[this.at - 1]!
  }

  /** Undefined at the end. */
  protected get next(): Token | undefined {
    return this.tokens[this.at]
  }

  /** Undefined at the end. */
  protected get second(): Token | undefined {
    return this.tokens[this.at + 1]
  }

  protected isNext(...types: readonly TokenType[]): boolean {
    const { next } = this
    return next !== undefined && types.some((type) => isA(next, type))
  }

  protected isSecond(type: TokenType): boolean {
    const { second } = this
    return second !== undefined && isA(second, type)
  }

  protected refuse(expected: string, isChoice = false): never {
    throw new UnexpectedToken({ token: this.next ?? null, expected, isChoice })
  }

  /** The next token, which must be of the type. */
  protected take(type: TokenType): Token {
    const { next } = this
    if (next === undefined || !isA(next, type)) this.refuse(listEnds.get(type) ?? type.label)
    this.at++
    return next
  }

  /** The next token if it is of the type. */
  protected takeIf(type: TokenType): Token | null {
    return this.isNext(type) ? this.take(type) : null
  }

  /** The next token, which must be of one of the types. */
  protected takeOneOf(types: readonly TokenType[], expected = 'another word'): Token {
    const type = types.find((one) => this.isNext(one))
    return type === undefined ? this.refuse(expected, true) : this.take(type)
  }

  /** One or more items with commas between them and maybe one after the last; `begins` tells whether a token begins an item. */
  protected list<T>(item: () => T, begins: (token: Token) => boolean): readonly T[] {
    const items = [item()]
    while (this.isNext(Comma) && this.second !== undefined && begins(this.second)) {
      this.take(Comma)
      items.push(item())
    }
    this.takeIf(Comma)
    return items
  }
}
