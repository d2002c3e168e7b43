/** Normalizers in the form that the library computes as the `tokenizers` crate does. */
import { components, flagAt, textAt, unsupported, type Fields } from './fields.ts'
import { patternAt } from './patterns.ts'

type Normalizer = Fields & { readonly type: string }

const plain = (type: string) => (): readonly Normalizer[] => [{ type }]

/** The library replaces by JavaScript's rules: there a dollar sign refers to what was matched. */
const replacement = (text: string): string => text.replaceAll('$', '$$$$')

const TABLE: Readonly<Record<string, (fields: Fields, at: string) => readonly Normalizer[]>> = {
  NFC: plain('NFC'),
  NFD: plain('NFD'),
  NFKC: plain('NFKC'),
  NFKD: plain('NFKD'),
  Lowercase: plain('Lowercase'),
  StripAccents: plain('StripAccents'),
  Strip: (fields, at) => [
    {
      type: 'Strip',
      strip_left: flagAt(fields.strip_left, `${at}.strip_left`),
      strip_right: flagAt(fields.strip_right, `${at}.strip_right`),
    },
  ],
  Prepend: (fields, at) => [{ type: 'Prepend', prepend: textAt(fields.prepend, `${at}.prepend`) }],
  Replace: (fields, at) => {
    const { kind, text } = patternAt(fields.pattern, `${at}.pattern`)
    if (text === '') unsupported(`${at}.pattern`, 'is empty')
    const content = replacement(textAt(fields.content, `${at}.content`))
    return [{ type: 'Replace', pattern: kind === 'regex' ? { Regex: text } : { String: text }, content }]
  },
  BertNormalizer: (fields, at) => {
    const lowercase = flagAt(fields.lowercase, `${at}.lowercase`, true)
    return [
      {
        type: 'BertNormalizer',
        clean_text: flagAt(fields.clean_text, `${at}.clean_text`, true),
        handle_chinese_chars: flagAt(fields.handle_chinese_chars, `${at}.handle_chinese_chars`, true),
        lowercase,
        strip_accents: flagAt(fields.strip_accents, `${at}.strip_accents`, lowercase),
      },
    ]
  },
}

/** Null for none. Throws a TokenizerError for what is not supported, such as `Precompiled`, which the library approximates. */
export const translateNormalizer = (value: unknown, at: string): Fields | null =>
  value == null ? null : { type: 'Sequence', normalizers: components(value, at, 'normalizers', TABLE) }
