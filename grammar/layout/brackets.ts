import {
  CallParen,
  CloseBrace,
  CloseBracket,
  CloseParen,
  IndexBracket,
  OpenBracket,
  OpenParen,
  type Token,
  type TokenType,
} from '../tokens.ts'

/** Does it open a pair of `()` or `[]`? Braces are told apart from these: they hold pieces. */
export const isOpen = (token: Token): boolean =>
  token.tokenType === OpenParen ||
  token.tokenType === CallParen ||
  token.tokenType === OpenBracket ||
  token.tokenType === IndexBracket

export const isClose = (token: Token): boolean => token.tokenType === CloseParen || token.tokenType === CloseBracket

interface Closer {
  readonly type: TokenType
  readonly text: string
}

export function closerOf(open: Token): Closer {
  if (open.image === '(') return { type: CloseParen, text: ')' }
  return open.image === '[' ? { type: CloseBracket, text: ']' } : { type: CloseBrace, text: '}' }
}

/** A token that the text does not hold, of no width. */
export const synthetic = (type: TokenType, text: string, offset: number): Token => ({
  image: text,
  startOffset: offset,
  endOffset: offset - 1,
  tokenType: type,
})
