/** Syntax of other languages, and what to write instead. */
import {
  AnyWord,
  CallParen,
  CloseBracket,
  CloseParen,
  Colon,
  Comma,
  Dot,
  endOf,
  Equals,
  IndexBracket,
  IsEqual,
  NumberToken,
  Operator,
  StringToken,
  word,
  isA,
  type Token,
} from './tokens.ts'

export interface Foreign {
  readonly help: string
  /** The word that it certainly stands for. */
  readonly meant?: string
}

export const CHOICE =
  'a conditional is an expression: `if c then a else b`, and for several branches `if c then a else if d then b else e`'
export const NO_TUPLES = 'there are no tuples; bind each value with its own `let`'
export const UNNAMED =
  'there are no anonymous functions; declare one outside the model: `fn double(x: f32[..., N]) -> f32[..., N] { return x * 2 }`'
const LOOP = 'write a loop as `repeat layers[i] in 0..N { ... }`, with N known at compile time'
const DECLARED = 'declare functions outside of bodies: `fn f(x: f32[N]) -> f32[N] { return x }`'
const CLASS =
  'a module with weights is a `block`, or an `expert` if it is one of many: `expert gated(x: f32[T, D], F: int) { ... }`'

const all = (words: readonly string[], foreign: Foreign): readonly (readonly [string, Foreign])[] =>
  words.map((one) => [one, foreign])

/** Keywords of statements in other languages. */
export const foreignStatements: ReadonlyMap<string, Foreign> = new Map([
  ...all(['for', 'while', 'foreach', 'loop', 'do'], { help: LOOP }),
  ...all(['break', 'continue'], { help: 'a `repeat` always runs all of its iterations' }),
  ...all(['if', 'else', 'elif', 'elseif', 'elsif', 'switch', 'match', 'unless'], { help: CHOICE }),
  ...all(['const', 'val', 'auto'], { help: 'bind a value with `let`', meant: 'let' }),
  ...all(['def', 'function', 'func', 'lambda'], { help: DECLARED }),
  ...all(['class', 'struct', 'self', 'super'], { help: CLASS }),
  ...all(['print', 'console'], { help: 'a spec cannot print; an `output` of the model shows a value' }),
  ...all(['raise', 'throw', 'try'], { help: 'write a check as `assert condition, "message"`' }),
  ...all(['pass', 'global', 'nonlocal'], { help: 'this is not needed; remove it' }),
  ...all(['from', 'include', 'require', 'use', 'using'], {
    help: 'imports are at the top of the file: `import { top_k } from "std/policies/top_k"`',
  }),
  ...all(['yield'], { help: 'a function returns its result with `return`' }),
])

/** Keywords of declarations in other languages. */
export const foreignDeclarations: ReadonlyMap<string, Foreign> = new Map([
  ...all(['def', 'function', 'func', 'fun', 'proc', 'lambda'], { help: 'declare a function with `fn`', meant: 'fn' }),
  ...all(['class', 'struct', 'module', 'layer', 'trait', 'interface'], { help: CLASS }),
  ...all(['from', 'include', 'require', 'use', 'using'], {
    help: 'write an import as `import { top_k } from "std/policies/top_k"`',
  }),
  ...all(['let', 'var', 'const', 'param', 'input', 'output'], {
    help: 'bind values in the body of a declaration, such as `model m() { ... }`',
  }),
  ...all(['export', 'pub', 'public', 'async', 'static'], {
    help: 'every declaration can be imported; remove the word',
  }),
])

/** Names of libraries whose functions are called without them here. */
const LIBRARIES: ReadonlySet<string> = new Set(['torch', 'np', 'numpy', 'jnp', 'jax', 'tf', 'nn', 'F', 'math', 'Math', 'self'])

const RESHAPE = 'change the shape with `reshape(x, [A, B])`'
const SIZES = 'sizes are dims of the type: for `x: f32[N, D]` they are N and D'
const SWAP = '`x.T` swaps the last two axes, `rearrange` permutes any'
const TYPE = 'convert the element type with `cast(x, "f32")`'

/** Methods and properties that no function of the same name stands for. */
export const foreignMembers: ReadonlyMap<string, string> = new Map([
  ...['view', 'flatten', 'squeeze', 'unsqueeze', 'view_as'].map((name) => [name, RESHAPE] as const),
  ...['shape', 'size', 'ndim', 'dim', 'numel', 'length', 'len'].map((name) => [name, SIZES] as const),
  ...['transpose', 'permute', 'swapaxes', 'mT', 'mH'].map((name) => [name, SWAP] as const),
  ...['float', 'int', 'long', 'bool', 'half', 'to', 'astype', 'type', 'dtype'].map((name) => [name, TYPE] as const),
  ...['matmul', 'mm', 'bmm', 'dot'].map((name) => [name, 'write a matrix product as `a @ b`'] as const),
  ...['detach', 'stop_gradient', 'item'].map((name) => [name, '`stop(x)` is x without a gradient'] as const),
  ...['cuda', 'cpu', 'contiguous', 'clone', 'copy'].map(
    (name) => [name, 'the compiler decides where values are stored; remove it'] as const,
  ),
])

const isAdjacent = (a: Token, b: Token | undefined): boolean => b !== undefined && endOf(a) === b.startOffset

/** `:=` as the two tokens that it is read as, where one of them stands at `at`. */
export function walrusAt(tokens: readonly Token[], at: number): readonly [Token, Token] | null {
  const first = tokens[at]?.tokenType === Colon ? tokens[at] : tokens[at - 1]
  const second = tokens[at]?.tokenType === Colon ? tokens[at + 1] : tokens[at]
  const isPair = first?.tokenType === Colon && (second?.tokenType === Equals || second?.tokenType === IsEqual)
  return isPair && isAdjacent(first, second) ? [first, second] : null
}

interface Replacement {
  readonly start: number
  readonly end: number
  readonly replacement: string
}

/** One operand and no operator, so that it stands in any expression without parentheses. */
const isSingle = (tokens: readonly Token[]): boolean =>
  tokens.length > 0 &&
  !tokens.some(
    (token) =>
      isA(token, Operator) ||
      token.tokenType === word('if') ||
      token.tokenType === word('not') ||
      token.image === '-' ||
      token.image === '..',
  )

/** `z := x`, `z == x`, `z++`, `z += x` as statements: what to write, and the change where it is certain. */
export function foreignAssignment(tokens: readonly Token[]): (Foreign & { readonly fix: Replacement | null }) | null {
  const [name, sign, next, ...rest] = tokens
  if (name === undefined || sign === undefined || !isA(name, AnyWord)) return null
  const walrus = walrusAt(tokens, 1)
  const given = { help: '`let z = x` binds a value; `z = x` assigns to a `var`' }
  if (walrus !== null) return { ...given, fix: { start: sign.startOffset, end: endOf(walrus[1]), replacement: '=' } }
  if (sign.tokenType === IsEqual)
    return { help: 'write `=` to give a value', fix: { start: sign.startOffset, end: endOf(sign), replacement: '=' } }
  if (!['+', '-', '*', '/', '%', '@'].includes(sign.image) || !isAdjacent(sign, next)) return null
  if (next!.image === sign.image && (sign.image === '+' || sign.image === '-') && rest.length === 0) {
    const whole = `${name.image} = ${name.image} ${sign.image} 1`
    return { help: `write \`${whole}\``, fix: { start: name.startOffset, end: endOf(next!), replacement: whole } }
  }
  if (next!.tokenType !== Equals) return null
  const written = `${name.image} ${sign.image}`
  const fix = isSingle(rest) ? { start: sign.startOffset, end: endOf(next!), replacement: `= ${written}` } : null
  return { help: `write \`${name.image} = ${written} ${isSingle(rest) ? '...' : '(...)'}\``, fix }
}

/** The index of the first token of the operand that ends at `at`; -1 where that cannot be told. */
function operandBefore(tokens: readonly Token[], at: number): number {
  const token = tokens[at]
  if (token === undefined) return -1
  if (token.tokenType === CloseParen || token.tokenType === CloseBracket) {
    const open = matching(tokens, at, -1)
    const isAfterOperand = tokens[open]?.tokenType === CallParen || tokens[open]?.tokenType === IndexBracket
    return isAfterOperand ? operandBefore(tokens, open - 1) : open
  }
  if (isA(token, AnyWord)) return tokens[at - 1]?.tokenType === Dot ? operandBefore(tokens, at - 2) : at
  return token.tokenType === NumberToken || token.tokenType === StringToken ? at : -1
}

/** The bracket that matches the one at `at`, going on by `step`; -1 where there is none. */
function matching(tokens: readonly Token[], at: number, step: 1 | -1): number {
  let depth = 0
  for (let i = at; i >= 0 && i < tokens.length; i += step) {
    const { image } = tokens[i]!
    if (image === '(' || image === '[') depth += step
    else if (image === ')' || image === ']') depth -= step
    if (depth === 0) return i
  }
  return -1
}

const short = (text: string, otherwise: string): string => (text.length > 32 || text.includes('\n') ? otherwise : text)

/** `x.sum()`, with its `(` at `at`: what to write in its place; null where no method is called. */
export function foreignMethod(
  tokens: readonly Token[],
  at: number,
  text: string,
): { readonly name: Token; readonly help: string } | null {
  const [dot, name] = [tokens[at - 2], tokens[at - 1]]
  if (tokens[at]?.image !== '(' || dot?.tokenType !== Dot || name === undefined || !isA(name, AnyWord)) return null
  const known = foreignMembers.get(name.image)
  if (known !== undefined) return { name, help: known }
  const [start, close] = [operandBefore(tokens, at - 3), matching(tokens, at, 1)]
  const given = close === -1 ? '...' : short(text.slice(endOf(tokens[at]!), tokens[close]!.startOffset).trim(), '...')
  if (start === -1) return { name, help: `pass the value as the first argument: \`${name.image}(...)\`` }
  if (LIBRARIES.has(tokens[start]!.image)) return { name, help: `call the function by its name: \`${name.image}(${given})\`` }
  const isWrapped = tokens[start]!.image === '(' && matching(tokens, start, 1) === at - 3
  const value = short(
    text
      .slice(
        isWrapped ? endOf(tokens[start]!) : tokens[start]!.startOffset,
        isWrapped ? tokens[at - 3]!.startOffset : endOf(tokens[at - 3]!),
      )
      .trim(),
    '...',
  )
  return {
    name,
    help: `pass the value as the first argument: \`${name.image}(${given === '' ? value : `${value}, ${given}`})\``,
  }
}

/** Does a list of values stand where one is expected? */
export const isTuple = (token: Token, expected: string): boolean =>
  token.tokenType === Comma && (expected === '' || expected === '`=`' || expected.includes('`)`'))
