import { CallParen, Comma, type Token } from './tokens.ts'

export interface SplitList {
  /** Up to and with the opening parenthesis. */
  readonly before: readonly Token[]
  /** What stands between the commas, nothing after the last one; the comma itself where nothing stands before it. */
  readonly items: readonly Token[][]
  /** From the closing parenthesis on. */
  readonly after: readonly Token[]
}

/** Takes the parameters out of the tokens of a declaration. */
export function splitList(tokens: readonly Token[]): SplitList {
  const open = tokens.findIndex(({ tokenType }) => tokenType === CallParen)
  const items: Token[][] = [[]]
  let depth = 0
  for (let at = open + 1; open === 2 && at < tokens.length; at++) {
    const token = tokens[at]!
    if (token.image === '(' || token.image === '[') depth++
    else if ((token.image === ')' || token.image === ']') && --depth < 0) {
      if (items.at(-1)!.length === 0) items.pop()
      return { before: tokens.slice(0, open + 1), items, after: tokens.slice(at) }
    }
    const isEnd = token.tokenType === Comma && depth === 0
    if (!isEnd || items.at(-1)!.length === 0) items.at(-1)!.push(token)
    if (isEnd) items.push([])
  }
  return { before: tokens, items: [], after: [] }
}
