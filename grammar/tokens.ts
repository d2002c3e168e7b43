/** The tokens of the language. Every word is lexed as `Word`; `classify` gives keywords their own type. */

export interface TokenType {
  readonly name: string
  /** What messages call it. */
  readonly label: string
  /** The source of a regular expression without groups that capture; null for a type that is never lexed. */
  readonly pattern: string | null
  /** The type itself and every category that it belongs to. */
  readonly kinds: ReadonlySet<TokenType>
}

export interface Token {
  image: string
  readonly startOffset: number
  /** The offset of the last sign. */
  readonly endOffset: number
  tokenType: TokenType
  /** What a `BlockToken` holds. */
  payload?: unknown
}

/** Is the token of a type, or of a category? */
export const isA = (token: Token, type: TokenType): boolean => token.tokenType.kinds.has(type)

interface Definition {
  readonly name: string
  /** By default the name. */
  readonly label?: string
  /** By default none: no text is lexed as this type. */
  readonly pattern?: RegExp | string
  readonly categories?: readonly TokenType[]
}

const sourceOf = (pattern: RegExp | string): string =>
  typeof pattern === 'string' ? pattern.replaceAll(/\W/g, '\\$&') : pattern.source

function createToken({ name, label = name, pattern, categories = [] }: Definition): TokenType {
  const kinds = new Set<TokenType>(categories.flatMap(({ kinds }) => [...kinds]))
  const type = { name, label, pattern: pattern === undefined ? null : sourceOf(pattern), kinds }
  kinds.add(type)
  return type
}

const sign = (name: string, text: string): TokenType => createToken({ name, pattern: text, label: `\`${text}\`` })

/** Any word at all, reserved or not: what may stand after a `.` or before the `=` of an argument. */
export const AnyWord = createToken({ name: 'AnyWord', label: 'a name' })
export const Word = createToken({ name: 'Word', pattern: /[A-Za-z_]\w*/, label: 'a name', categories: [AnyWord] })
/** Not an ordinary key in JavaScript: no program could set or read an input with this name. */
export const ProtoWord = createToken({ name: 'ProtoWord', pattern: /__proto__(?!\w)/ })
/** A name with letters beyond ASCII; said once, then read as the word it is. */
export const ForeignWord = createToken({
  name: 'ForeignWord',
  pattern: /\w*[\u00C0-\u024F\u0370-\u03FF\u0400-\u04FF][\w\u00C0-\u024F\u0370-\u03FF\u0400-\u04FF]*/,
})

/** `1.` is a number, but `0..L` is a range and `2.T` a transpose. */
export const NumberToken = createToken({
  name: 'Number',
  pattern: /\d+\.(?![.\w])|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?!\w|\.\d)/,
  label: 'a number',
})
export const BadNumber = createToken({ name: 'BadNumber', pattern: /\d(?:[eE][+-]|\w|\.\d)*/ })

export const StringToken = createToken({ name: 'String', pattern: /"[^"\\\r\n]*(?:\\[^\r\n][^"\\\r\n]*)*"/, label: 'a string' })
export const UnclosedString = createToken({ name: 'UnclosedString', pattern: /"[^"\\\r\n]*(?:\\[^\r\n][^"\\\r\n]*)*\\?/ })
export const SingleQuoted = createToken({ name: 'SingleQuoted', pattern: /'[^'"\\\r\n]*'/ })

/** A sequence of characters that are part of no token. */
export const Junk = createToken({ name: 'Junk', pattern: /[\0-\x08\x0B\x0E-\x1F$`\\?'\x7F-\uFFFF]+/ })

export const Space = createToken({ name: 'Space', pattern: /[ \t\r\n\f\uFEFF]+/ })
export const CommentToken = createToken({ name: 'Comment', pattern: /\/\/[^\n]*/ })
export const HashComment = createToken({ name: 'HashComment', pattern: /#[^\n]*/ })
export const BlockComment = createToken({
  name: 'BlockComment',
  pattern: /\/\*[^*]*(?:\*(?!\/)[^*]*)*(?:\*\/)?/,
})

export const OpenParen = sign('OpenParen', '(')
export const CloseParen = sign('CloseParen', ')')
export const OpenBracket = sign('OpenBracket', '[')
export const CloseBracket = sign('CloseBracket', ']')
export const OpenBrace = sign('OpenBrace', '{')
export const CloseBrace = sign('CloseBrace', '}')
/** `(` on the same line right after a word: a call, or the parameters of a declaration. */
export const CallParen = createToken({ name: 'CallParen', label: '`(`' })
/** `[` on the same line right after an operand: an index, or the shape of a type. */
export const IndexBracket = createToken({ name: 'IndexBracket', label: '`[`' })
/** A whole `{ ... }`, already taken apart; its payload is a `Block` of `layout.ts`. */
export const BlockToken = createToken({ name: 'Block', label: '`{`' })

export const Arrow = sign('Arrow', '->')
export const FatArrow = sign('FatArrow', '=>')
export const Ellipsis = sign('Ellipsis', '...')
export const DotDot = sign('DotDot', '..')
export const Dot = sign('Dot', '.')
export const Comma = sign('Comma', ',')
export const Colon = sign('Colon', ':')
export const Semicolon = sign('Semicolon', ';')
export const Equals = sign('Equals', '=')
export const Bar = sign('Bar', '|')
export const DoubleBar = sign('DoubleBar', '||')
export const DoubleAmpersand = sign('DoubleAmpersand', '&&')
export const Bang = sign('Bang', '!')
export const Ampersand = sign('Ampersand', '&')
export const Tilde = sign('Tilde', '~')
export const Caret = sign('Caret', '^')
export const DoubleTimes = sign('DoubleTimes', '**')
export const LessGreater = sign('LessGreater', '<>')

export const Operator = createToken({ name: 'Operator', label: 'an operator' })
const operator = (name: string, text: string): TokenType =>
  createToken({ name, pattern: text, label: `\`${text}\``, categories: [Operator] })
const operators = [
  operator('IsEqual', '=='),
  operator('IsNotEqual', '!='),
  operator('AtMost', '<='),
  operator('AtLeast', '>='),
  operator('Less', '<'),
  operator('Greater', '>'),
  operator('Plus', '+'),
  operator('Times', '*'),
  operator('Divide', '/'),
  operator('Percent', '%'),
  operator('At', '@'),
]
export const Percent = operators[9]!
export const IsEqual = operators[0]!
export const IsNotEqual = operators[1]!
export const Times = operators[7]!
export const Minus = operator('Minus', '-')

/** Reserved: never a name of a value. */
const reserved = (text: string, categories: readonly TokenType[] = []): [string, TokenType] => [
  text,
  createToken({ name: `word-${text}`, label: `\`${text}\``, categories: [AnyWord, ...categories] }),
]
/** A word with a meaning in one place, and a plain name everywhere else. */
const contextual = (text: string): [string, TokenType] => [
  text,
  createToken({ name: `word-${text}`, label: `\`${text}\``, categories: [Word] }),
]

const reservedWords = [
  reserved('let'),
  reserved('var'),
  reserved('param'),
  reserved('return'),
  reserved('repeat'),
  reserved('import'),
  reserved('fn'),
  reserved('if'),
  reserved('then'),
  reserved('else'),
  reserved('and', [Operator]),
  reserved('or', [Operator]),
  reserved('not'),
  reserved('true'),
  reserved('false'),
  reserved('moe'),
  reserved('as'),
] as const
const contextualWords = [
  'from',
  'block',
  'expert',
  'policy',
  'model',
  'input',
  'output',
  'once',
  'when',
  'weigh',
  'select',
  'loss',
  'weights',
  'assert',
  'in',
  'by',
  'of',
  'top',
  'at',
  'after',
  'at_most',
  'training',
  'layers',
  'a',
  'step',
  'all',
  'together',
  'experts',
  'route',
  'shared',
  'require',
  'dropless',
  'capacity',
  'overflow',
  'drop',
  'next',
  'groups',
  'keep',
  'bias',
  'balanced',
  'within',
  'choice',
  'most',
  'tokens',
  'an',
  'each',
  'token',
  'train',
  'metric',
  'optimiser',
  'schedule',
  'clip',
  'accumulate',
  'steps',
  'seed',
  'batch',
  'initialise',
  'group',
  'learns',
  'on',
].map(contextual)

const words = new Map<string, TokenType>([...reservedWords, ...contextualWords])

/** Words that can never name a value, a parameter or a declaration. */
export const reservedNames: ReadonlySet<string> = new Set(reservedWords.map(([text]) => text))

/** The token type of a known word; a missing one is a mistake in this file. */
export function word(text: string): TokenType {
  const type = words.get(text)
  if (type === undefined) throw new Error(`no word \`${text}\``)
  return type
}

/** The offset after the last sign of a token. */
export const endOf = (token: Token): number => token.endOffset + 1

export const retype = (token: Token, type: TokenType): Token => {
  token.tokenType = type
  return token
}

/** Gives a word its own type where it has one. */
export const classify = (token: Token): Token => retype(token, words.get(token.image) ?? Word)

/** The types that text is lexed as; where several match at a place, the first one is taken. */
export const lexedTypes: readonly TokenType[] = [
  Space,
  CommentToken,
  BlockComment,
  HashComment,
  StringToken,
  UnclosedString,
  SingleQuoted,
  NumberToken,
  BadNumber,
  ForeignWord,
  ProtoWord,
  Word,
  Arrow,
  FatArrow,
  Ellipsis,
  DotDot,
  Dot,
  DoubleBar,
  Bar,
  DoubleAmpersand,
  Ampersand,
  Tilde,
  Caret,
  DoubleTimes,
  LessGreater,
  ...operators.slice(0, 4),
  Equals,
  Bang,
  Minus,
  ...operators.slice(4),
  OpenParen,
  CloseParen,
  OpenBracket,
  CloseBracket,
  OpenBrace,
  CloseBrace,
  Comma,
  Colon,
  Semicolon,
  Junk,
]
