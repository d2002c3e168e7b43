/** The decoder of a `tokenizer.json`. It needs no process: nothing of the file runs. */
import { recordAt } from '../tokenizer/fields.ts'
import { parseTokenizer } from '../tokenizer/parse.ts'
import { translate } from '../tokenizer/translate.ts'
import { translateDecoder } from './decoder.ts'
import { tokensOf } from './tokens.ts'

/** The text of token ids, without special tokens; ids without a token are left out. */
export type Decode = (ids: readonly number[]) => string

/** Checks the whole file. Throws a TokenizerError. */
export function openDecoder(bytes: Uint8Array): Decode {
  const json = parseTokenizer(bytes)
  translate(json)
  const { tokenOf, isSpecial } = tokensOf(json)
  const join = translateDecoder(recordAt(json, 'tokenizer.json').decoder, 'decoder')
  return (ids) => join(ids.flatMap((id) => (isSpecial(id) ? [] : (tokenOf(id) ?? []))))
}
