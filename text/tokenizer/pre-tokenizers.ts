/**
 * Pre-tokenizers in the form that the library computes as the `tokenizers` crate does: most become a split at a regular
 * expression.
 */
import { quoted } from '../../runtime/checkpoint/quote.ts'
import { components, flagAt, textAt, typeAt, unsupported, wholeAt, type Fields } from './fields.ts'
import { inClass, literal, mayCapture, patternAt, type Pattern } from './patterns.ts'

type PreTokenizer = Fields & { readonly type: string }

/** Matches are pieces, and so is the text between them. */
const isolated = (regex: string): PreTokenizer => ({
  type: 'Split',
  pattern: { Regex: regex },
  behavior: 'Isolated',
  invert: false,
})
/** What matches is a piece; nothing else is left. */
const matches = (regex: string): PreTokenizer => ({ type: 'Split', pattern: { Regex: regex }, behavior: 'Removed', invert: true })
/** The text between matches is a piece. */
const removed = (regex: string): PreTokenizer => ({
  type: 'Split',
  pattern: { Regex: regex },
  behavior: 'Removed',
  invert: false,
})

/** ASCII punctuation and the categories P of Unicode. */
const PUNCTUATION = '[\\p{P}$+<=>^`|~]'

const SPLITS: Readonly<Record<string, (pattern: Pattern, isInverted: boolean, at: string) => PreTokenizer>> = {
  Isolated: (pattern) => isolated(regexOf(pattern)),
  Removed: (pattern, isInverted, at) => {
    if (isInverted) return matches(regexOf(pattern))
    if (mayCapture(regexOf(pattern))) return unsupported(`${at}.pattern`, 'captures groups, and what matches is to be removed')
    return removed(regexOf(pattern))
  },
  MergedWithPrevious: (pattern, isInverted, at) => {
    const one = delimiter(pattern, isInverted, at, 'MergedWithPrevious')
    return matches(`[^${one}]*[${one}]|[^${one}]+`)
  },
  MergedWithNext: (pattern, isInverted, at) => {
    const one = delimiter(pattern, isInverted, at, 'MergedWithNext')
    return matches(`[${one}][^${one}]*|[^${one}]+`)
  },
  Contiguous: (pattern, isInverted, at) => {
    const one = delimiter(pattern, isInverted, at, 'Contiguous')
    return matches(`[${one}]+|[^${one}]+`)
  },
}

const regexOf = ({ kind, text }: Pattern): string => (kind === 'regex' ? text : literal(text))

/** The one character at which these behaviours can be written as a regular expression, as in a class. */
function delimiter({ kind, text }: Pattern, isInverted: boolean, at: string, behavior: string): string {
  if (kind === 'regex' || isInverted || [...text].length !== 1)
    unsupported(at, `has the behavior '${behavior}', which is supported for one character`)
  return inClass(text)
}

function split(fields: Fields, at: string, pattern: Pattern): PreTokenizer {
  const behavior = textAt(fields.behavior, `${at}.behavior`)
  if (pattern.text === '') unsupported(`${at}.pattern`, 'is empty')
  if (!Object.hasOwn(SPLITS, behavior)) unsupported(`${at}.behavior`, `is ${quoted(behavior)}, which is not supported`)
  return SPLITS[behavior](pattern, flagAt(fields.invert, `${at}.invert`, false), at)
}

const SCHEMES = ['always', 'first', 'never']

/** Older files have a flag in the place of the scheme. */
function scheme(fields: Fields, at: string): string {
  const old = fields.add_prefix_space === false ? 'never' : 'always'
  const found = fields.prepend_scheme == null ? old : textAt(fields.prepend_scheme, `${at}.prepend_scheme`)
  if (!SCHEMES.includes(found)) unsupported(`${at}.prepend_scheme`, `is ${quoted(found)}, which is not supported`)
  return found
}

function metaspace(fields: Fields, at: string): readonly PreTokenizer[] {
  const mark = textAt(fields.replacement, `${at}.replacement`)
  if ([...mark].length !== 1) unsupported(`${at}.replacement`, 'is not one character')
  const marked = { type: 'Metaspace', replacement: mark, prepend_scheme: scheme(fields, at) }
  if (!flagAt(fields.split, `${at}.split`, true)) return [marked]
  return [marked, SPLITS.MergedWithNext({ kind: 'string', text: mark }, false, at)]
}

const TABLE: Readonly<Record<string, (fields: Fields, at: string) => readonly PreTokenizer[]>> = {
  Split: (fields, at) => [split(fields, at, patternAt(fields.pattern, `${at}.pattern`))],
  ByteLevel: (fields, at) => [
    {
      type: 'ByteLevel',
      add_prefix_space: flagAt(fields.add_prefix_space, `${at}.add_prefix_space`),
      use_regex: flagAt(fields.use_regex, `${at}.use_regex`, true),
    },
  ],
  Metaspace: metaspace,
  Whitespace: () => [matches('\\w+|[^\\w\\s]+')],
  WhitespaceSplit: () => [{ type: 'WhitespaceSplit' }],
  BertPreTokenizer: () => [{ type: 'BertPreTokenizer' }],
  Digits: (fields, at) => [isolated(flagAt(fields.individual_digits, `${at}.individual_digits`, false) ? '\\p{N}' : '\\p{N}+')],
  Punctuation: (fields, at) => {
    const behavior = fields.behavior == null ? 'Isolated' : textAt(fields.behavior, `${at}.behavior`)
    if (behavior === 'Contiguous') return [isolated(`${PUNCTUATION}+`)]
    if (behavior === 'Isolated') return [isolated(PUNCTUATION)]
    if (behavior === 'Removed') return [removed(PUNCTUATION)]
    return unsupported(`${at}.behavior`, `is ${quoted(behavior)}, which is not supported`)
  },
  CharDelimiterSplit: (fields, at) => [removed(literal(textAt(fields.delimiter, `${at}.delimiter`)))],
  FixedLength: (fields, at) => [isolated(`[\\s\\S]{1,${Math.max(1, wholeAt(fields.length, `${at}.length`, 65_535, 5))}}`)],
}

export interface PreTokenizers {
  readonly parts: readonly PreTokenizer[]
  /** The mark that each piece but the first begins with; null where pieces begin with anything. */
  readonly mark: string | null
}

/** No parts where the text is one piece. Throws a TokenizerError for what is not supported. */
export function translatePreTokenizer(value: unknown, at: string): PreTokenizers {
  const parts = value == null ? [] : components(value, at, 'pretokenizers', TABLE)
  const isMarked = parts[0]?.type === 'Metaspace' && (typeAt(value, at) === 'Metaspace' || parts.length === 1)
  return { parts, mark: isMarked ? (parts[0].replacement as string) : null }
}
