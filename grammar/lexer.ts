/** Text -> tokens. Total: every character belongs to a token, a comment or a blank. */
import { CommentToken, lexedTypes, Space, type Token } from './tokens.ts'

export interface Lexed {
  readonly tokens: readonly Token[]
  readonly comments: readonly Token[]
}

/** A group for each type. */
const anyToken = new RegExp(lexedTypes.map(({ pattern }) => `(${pattern})`).join('|'), 'gy')

/** Never throws; linear, but for the backtracking within one token. */
export function lex(text: string): Lexed {
  const tokens: Token[] = []
  const comments: Token[] = []
  for (const match of text.matchAll(anyToken)) {
    const tokenType = lexedTypes[match.findIndex((part, group) => group > 0 && part !== undefined) - 1]
    if (tokenType === Space) continue
    const [image] = match
    const token = { image, startOffset: match.index, endOffset: match.index + image.length - 1, tokenType }
    ;(tokenType === CommentToken ? comments : tokens).push(token)
  }
  return { tokens, comments }
}
