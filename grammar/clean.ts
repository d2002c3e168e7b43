/** Token clean-up: reports each malformed token once and replaces it by the intended one, so that parsing continues. */
import type { Code } from './codes.ts'
import { CHOICE } from './foreign.ts'
import type { Reporter } from './report.ts'
import {
  Ampersand,
  BadNumber,
  Bang,
  BlockComment,
  Caret,
  classify,
  DoubleAmpersand,
  DoubleBar,
  DoubleTimes,
  endOf,
  FatArrow,
  Arrow,
  ForeignWord,
  HashComment,
  IsNotEqual,
  Junk,
  LessGreater,
  NumberToken,
  ProtoWord,
  retype,
  Semicolon,
  SingleQuoted,
  StringToken,
  Tilde,
  Times,
  UnclosedString,
  word,
  Word,
  type Token,
  type TokenType,
} from './tokens.ts'

export interface CleanTokens {
  readonly tokens: readonly Token[]
  /** The indexes of tokens in which, or beside which, a mistake is already reported. */
  readonly troubled: ReadonlySet<number>
}

interface Remedy {
  readonly code: Code
  readonly message: (token: Token) => string
  readonly help?: string | ((token: Token) => string | null)
  /** What the token is read as; null leaves it out. */
  readonly as: TokenType | null
  /** The certain replacement. */
  readonly fix?: (token: Token, following: string) => string | null
  /** The text that the token is read as, if different. */
  readonly image?: string
}

const sign = (meant: string, as: TokenType): Remedy => ({
  code: 'SMOE1013',
  message: ({ image }) => `\`${image}\` must be written \`${meant}\``,
  as,
  image: meant,
  fix: (_, following) => (/^\w\w/.test(`${meant.at(-1)}${following}`) ? `${meant} ` : meant),
})

const power: Remedy = {
  code: 'SMOE1013',
  message: ({ image }) => `\`${image}\` is not an operator here`,
  help: 'write a power as `pow(a, b)`',
  as: Times,
  image: '*',
}

/** Operators of other languages. */
const signs: ReadonlyMap<string, string> = new Map([['?', CHOICE]])

const remedies = new Map<TokenType, Remedy>([
  [
    Junk,
    {
      code: 'SMOE1002',
      message: ({ image }) => `unexpected ${describe(image)}`,
      help: ({ image }) => signs.get(image) ?? null,
      as: null,
    },
  ],
  [
    ForeignWord,
    { code: 'SMOE1002', message: ({ image }) => `names consist of a-z, A-Z, 0-9 and \`_\`, unlike \`${image}\``, as: Word },
  ],
  [
    ProtoWord,
    {
      code: 'SMOE1012',
      message: ({ image }) => `\`${image}\` cannot be a name: it has a special meaning in JavaScript`,
      as: Word,
    },
  ],
  [
    BadNumber,
    {
      code: 'SMOE1003',
      message: ({ image }) => `\`${short(image)}\` is not a number`,
      help: 'write numbers as `12`, `1.5` or `1e-5`',
      as: NumberToken,
    },
  ],
  [
    UnclosedString,
    { code: 'SMOE1004', message: () => 'the string is not closed on its line', help: 'close it with `"`', as: StringToken },
  ],
  [
    SingleQuoted,
    {
      code: 'SMOE1013',
      message: () => 'write strings with `"`',
      as: StringToken,
      fix: ({ image }) => `"${image.slice(1, -1)}"`,
    },
  ],
  [
    HashComment,
    { code: 'SMOE1013', message: () => 'comments begin with `//`', as: null, fix: ({ image }) => `//${image.slice(1)}` },
  ],
  [BlockComment, { code: 'SMOE1013', message: () => 'a comment begins with `//` and ends with its line', as: null }],
  [Semicolon, { code: 'SMOE1013', message: () => 'statements need no `;`', as: null, fix: () => '' }],
  [DoubleAmpersand, sign('and', word('and'))],
  [DoubleBar, sign('or', word('or'))],
  [Bang, sign('not', word('not'))],
  [Ampersand, sign('and', word('and'))],
  [Tilde, sign('not', word('not'))],
  [LessGreater, sign('!=', IsNotEqual)],
  [DoubleTimes, power],
  [Caret, power],
])

const short = (text: string): string => (text.length > 24 ? `${text.slice(0, 24)}...` : text)

function describe(image: string): string {
  const code = image.codePointAt(0)!
  const isVisible =
    (code > 0x20 && code < 0x7f) || (code > 0xa0 && (code < 0xd800 || code > 0xf8ff) && !(code >= 0x2000 && code < 0x2070))
  if (image.length === 1 || (image.length === 2 && code > 0xffff)) {
    return isVisible ? `\`${image}\`` : `character U+${code.toString(16).toUpperCase().padStart(4, '0')}`
  }
  return isVisible && /^[\x21-\x7E]*$/.test(image) ? `\`${short(image)}\`` : `sequence of ${image.length} characters`
}

const lineBetween = (text: string, a: Token, b: Token): boolean => text.slice(endOf(a), b.startOffset).includes('\n')

export function clean(lexed: readonly Token[], report: Reporter): CleanTokens {
  const tokens: Token[] = []
  const troubled = new Set<number>()
  for (const token of lexed) {
    const remedy = remedies.get(token.tokenType)
    if (remedy !== undefined) tell(token, remedy, report)
    else if (token.tokenType === NumberToken && !isExact(token.image)) tellNumber(token, report, troubled, tokens.length)
    if (remedy?.as === null) {
      const previous = tokens.at(-1)
      const isBefore = previous !== undefined && !lineBetween(report.source.text, previous, token)
      if (token.tokenType === Junk) troubled.add(isBefore ? tokens.length - 1 : tokens.length)
      continue
    }
    if (remedy !== undefined) {
      retype(token, remedy.as)
      token.image = remedy.image ?? token.image
      if (remedy.fix === undefined) troubled.add(tokens.length)
    }
    // its meaning depends on the context: an arrow after parameters, or an anonymous function
    if (token.tokenType === FatArrow) retype(token, Arrow)
    tokens.push(token.tokenType === Word ? classify(token) : token)
  }
  return { tokens, troubled }
}

function tell(token: Token, { code, message, help = '', fix }: Remedy, report: Reporter): void {
  const span = report.span(token.startOffset, endOf(token))
  const replacement = fix?.(token, report.source.text.charAt(endOf(token))) ?? null
  report.error(code, message(token), span, {
    help: (typeof help === 'function' ? help(token) : help) || null,
    fix: replacement === null ? null : { span, replacement },
  })
}

const isExact = (image: string): boolean =>
  Number.isFinite(Number(image)) && (!/^\d+$/.test(image) || Number(image) <= Number.MAX_SAFE_INTEGER)

function tellNumber(token: Token, report: Reporter, troubled: Set<number>, index: number): void {
  report.error('SMOE1003', `\`${short(token.image)}\` is too large`, report.span(token.startOffset, endOf(token)))
  troubled.add(index)
}
