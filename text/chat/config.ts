/** The chat template and the special tokens of a `tokenizer_config.json`. Pure. */
import { isRecord, listAt, recordAt, textAt, type Fields } from '../tokenizer/fields.ts'
import type { SpecialTokens } from './template.ts'

/** Fields that transformers gives to templates. */
const NAMES = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token']

/** A text, or an added token with its content. */
const contentAt = (value: unknown, at: string): string =>
  isRecord(value) ? textAt(value.content, `${at}.content`) : textAt(value, at)

/** Special tokens by their names. Throws a TokenizerError for what is no token. */
export const specialTokens = (config: Fields): SpecialTokens =>
  Object.fromEntries(NAMES.flatMap((name) => (config[name] == null ? [] : [[name, contentAt(config[name], name)] as const])))

/** The template, or of several the one named `default`; null where there is none. Throws a TokenizerError. */
export function chatTemplate({ chat_template: value }: Fields): string | null {
  if (value == null) return null
  if (!Array.isArray(value)) return textAt(value, 'chat_template')
  const named = listAt(value, 'chat_template').map((one, at) => recordAt(one, `chat_template[${at}]`))
  const found = named.find(({ name }) => name === 'default')
  return found === undefined ? null : textAt(found.template, 'chat_template.default')
}
