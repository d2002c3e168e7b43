/** Where a new piece begins, decided from the tokens alone, before parsing. */
import {
  AnyWord,
  BlockToken,
  CloseBracket,
  CloseParen,
  Colon,
  Comma,
  Dot,
  Equals,
  NumberToken,
  OpenBrace,
  Percent,
  StringToken,
  Word,
  isA,
  type Token,
} from './tokens.ts'

/** A token in its surroundings. */
export interface Cursor {
  readonly tokens: readonly Token[]
  readonly index: number
  /** The tokens of the piece so far; never empty. */
  readonly piece: readonly Token[]
  /** Is it the first on its line? */
  readonly first: boolean
  /** Is a `(` or `[` of the piece still open? */
  readonly inBrackets: boolean
  /** Is its line no deeper than the line on which the piece begins? */
  readonly outdented: boolean
}

export const declarations: ReadonlySet<string> = new Set(['import', 'fn', 'block', 'expert', 'policy', 'model'])
const hard = new Set(['let', 'var', 'param', 'return', 'repeat'])
const notOperands = new Set([...hard, 'import', 'fn', 'if', 'then', 'else', 'and', 'or', 'not', 'moe', 'as'])
/** After these a name follows, even where a reserved word stands in its place. */
const named = new Set(['let', 'var', 'param', 'input', 'output', 'loss', 'metric', 'repeat'])
const clauses = new Set(['experts', 'route', 'shared', 'require'])
/** Words that carry a statement or a clause on, over a line's end too. */
const infixes = new Set(['by', 'in', 'of', 'on', 'at', 'after', 'at_most', 'layers', 'a', 'step', 'together', 'top', 'training'])
/** After these an expression follows. */
const joining = new Set(['by', 'in', 'of', 'on', 'at', 'after', 'at_most', 'top'])
const clauseInfixes = new Set([
  'of',
  'dropless',
  'capacity',
  'overflow',
  'drop',
  'next',
  'groups',
  'keep',
  'bias',
  'balanced',
  'at',
  'within',
  'expert',
  'choice',
  'most',
  'tokens',
  'an',
  'each',
  'token',
])

/** Words of a clause after which it cannot end. */
const expecting = new Set([
  'experts',
  'shared',
  'route',
  'require',
  'of',
  'capacity',
  'overflow',
  'groups',
  'keep',
  'bias',
  'balanced',
  'at',
  'within',
  'most',
  'each',
  'token',
  'an',
])

const isWord = (token: Token | undefined): boolean => token !== undefined && isA(token, AnyWord)
const isName = (token: Token | undefined): boolean => token !== undefined && isA(token, Word)
const has = (token: Token | undefined, type: Token['tokenType']): boolean => token?.tokenType === type

/** May the token end an operand, so that no other operand can follow it? */
export function endsOperand(token: Token | undefined): boolean {
  if (token === undefined) return false
  if (isWord(token)) return !notOperands.has(token.image)
  return [NumberToken, StringToken, CloseParen, CloseBracket, BlockToken].includes(token.tokenType)
}

export function startsDeclaration({ tokens, index, first, piece, inBrackets }: Cursor, context: string): boolean {
  const token = tokens[index]!
  if (!declarations.has(token.image) || !isWord(token)) return false
  const next = tokens[index + 1]
  if (has(next, Equals) || has(next, Colon) || has(next, Dot) || has(tokens[index - 1], Dot)) return false
  const isNamed = isName(next) && tokens[index + 2]?.image === '('
  if (token.image === 'fn' || token.image === 'import') return first || isNamed
  if (context === 'file' && !inBrackets) return first || (isNamed && endsOperand(piece.at(-1)))
  return first && isNamed
}

const isCalled = (next: Token | undefined, second: Token | undefined): boolean => isName(next) && second?.image === '('
const isNumeric = (next: Token | undefined): boolean => isName(next) || has(next, NumberToken)

/** The tokens after a contextual word that make it the head of a statement, whatever stands before it. */
const heads: Readonly<Record<string, (next: Token | undefined, second: Token | undefined) => boolean>> = {
  input: (next, second) => isWord(next) && has(second, Colon),
  output: (next, second) => isWord(next) && (has(second, Colon) || has(second, Equals)),
  loss: (next, second) => isWord(next) && has(second, Equals),
  weights: (next) => has(next, OpenBrace),
  once: (next) => has(next, OpenBrace),
  when: (next) => next?.image === 'training',
  select: (next) => next?.image === 'top',
  weigh: (next) => isName(next) || has(next, NumberToken) || next?.image === 'if' || next?.image === 'not',
  keep: (next) => isName(next) || next?.image === 'if' || next?.image === 'not',
  assert: (next) => isName(next) || has(next, NumberToken) || next?.image === 'not',
  train: (next) => has(next, OpenBrace),
  metric: (next, second) => isWord(next) && has(second, Equals),
  optimiser: isCalled,
  schedule: isCalled,
  initialise: (next, second) => has(next, StringToken) || isCalled(next, second),
  group: (next) => has(next, StringToken),
  learns: (next) => isName(next) || has(next, StringToken),
  batch: (next, second) => isName(next) && has(second, Equals),
  clip: isNumeric,
  accumulate: isNumeric,
  steps: isNumeric,
  seed: isNumeric,
}

export function startsStatement(cursor: Cursor): boolean {
  const { tokens, index, piece, first, inBrackets } = cursor
  const token = tokens[index]!
  const next = tokens[index + 1]
  const previous = piece.at(-1)!
  if (!isWord(token) || has(previous, Dot)) return false
  if (hard.has(token.image) && piece.length === 1 && !first && named.has(previous.image)) return false
  if (hard.has(token.image)) return !(has(next, Equals) && inBrackets) && (first || !inBrackets)
  // no operand is followed by `if`: on a line of its own it is a statement of another language
  if (token.image === 'if')
    return first && !inBrackets && piece.length > 1 && endsOperand(previous) && !joining.has(previous.image)
  if (!isName(token)) return false
  const headed = Object.hasOwn(heads, token.image) && heads[token.image]!(next, tokens[index + 2])
  if (piece.length === 1) return headed && first && !named.has(previous.image)
  if (has(previous, BlockToken) && !inBrackets) return has(next, Equals) || !infixes.has(token.image)
  const free = !inBrackets && endsOperand(previous) && (first || !joining.has(previous.image))
  if (headed && (first || free)) return true
  if (has(next, Equals) && has(previous, Comma) && piece[0]!.image === 'batch' && has(piece[2], Equals)) return false
  if (has(next, Equals)) return inBrackets ? first && cursor.outdented && endsOperand(previous) : first || free
  return first && free && !infixes.has(token.image)
}

export function startsClause({ tokens, index, piece, first, inBrackets }: Cursor): boolean {
  const token = tokens[index]!
  const previous = piece.at(-1)!
  const isPercent = has(previous, Percent) && piece[1]?.image === 'balanced'
  if (!isWord(token) || inBrackets || !(endsOperand(previous) || isPercent)) return false
  if (clauses.has(token.image)) {
    if (previous.image === 'overflow') return false
    const isEach = piece[1]?.image === 'each'
    const isEnd = previous.image === 'experts' && isEach && piece.length > 4
    if (token.image === 'experts' && isEach)
      return first || (isEnd && endsOperand(tokens[index + 1]) && !clauses.has(tokens[index + 1]!.image))
    return first || isEnd || !expecting.has(previous.image) || piece.at(-2)?.image === 'overflow'
  }
  if (hard.has(token.image) && piece.length === 1 && !first && named.has(previous.image)) return false
  if (hard.has(token.image)) return true
  return first && isName(token) && piece.length > 1 && !clauseInfixes.has(token.image)
}

/** `{q, k}` at the beginning of a path, and not the brace of a group of entries. */
const startsList = (tokens: readonly Token[], index: number): boolean =>
  has(tokens[index], OpenBrace) && isWord(tokens[index + 1]) && has(tokens[index + 2], Comma)

export function startsEntry({ tokens, index, piece, first, inBrackets }: Cursor): boolean {
  if ((!isWord(tokens[index]) && !startsList(tokens, index)) || inBrackets) return false
  const previous = piece.at(-1)!
  if (has(previous, Dot)) return false
  if (has(previous, BlockToken)) return true
  const transposed = previous.image === 'T' && has(piece.at(-2), Dot) && piece.some((token) => has(token, StringToken))
  return has(previous, StringToken) || has(previous, CloseBracket) || transposed || (first && !has(previous, Equals))
}
