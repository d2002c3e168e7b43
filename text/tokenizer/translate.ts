/** From a parsed `tokenizer.json` to what the library computes exactly. Pure. */
import { TokenizerError } from './errors.ts'
import { flagAt, listAt, recordAt, textAt, unsupported, wholeAt, type Fields } from './fields.ts'
import { frameOf, type Frame } from './frame.ts'
import { MOST_IDS, translateModel } from './models.ts'
import { translateNormalizer } from './normalizers.ts'
import { translatePreTokenizer } from './pre-tokenizers.ts'

export interface Translated {
  /** A tokenizer of the library, without a post-processor. */
  readonly tokenizer: Fields
  readonly frame: Frame
}

interface AddedToken extends Fields {
  readonly id: number
  readonly content: string
}

function addedTokenAt(value: unknown, at: string): AddedToken {
  const fields = recordAt(value, at)
  const content = textAt(fields.content, `${at}.content`)
  if (content === '') throw new TokenizerError('format', `'${at}.content' is empty`)
  if (flagAt(fields.single_word, `${at}.single_word`, false)) unsupported(`${at}.single_word`, 'is not supported')
  const special = flagAt(fields.special, `${at}.special`, false)
  return {
    id: wholeAt(fields.id, `${at}.id`, MOST_IDS),
    content,
    lstrip: flagAt(fields.lstrip, `${at}.lstrip`, false),
    rstrip: flagAt(fields.rstrip, `${at}.rstrip`, false),
    normalized: flagAt(fields.normalized, `${at}.normalized`, !special),
    special,
  }
}

/**
 * Checks a tokenizer. Throws a TokenizerError for a field of another type, and for each component
 * that the library does not compute as the `tokenizers` crate does.
 */
export function translate(json: unknown): Translated {
  const file = recordAt(json, 'tokenizer.json')
  const { model, idOf, fuses } = translateModel(file.model, 'model')
  const { parts, mark } = translatePreTokenizer(file.pre_tokenizer, 'pre_tokenizer')
  // the library fuses beyond the pieces of a pre-tokenizer, unless each begins with a token
  if (fuses && parts.length > 0 && (mark === null || idOf(mark) === undefined))
    unsupported('model.fuse_unk', 'is supported where the text is one piece, or where pieces begin with a mark that is a token')
  const added = listAt(file.added_tokens ?? [], 'added_tokens').map((one, at) => addedTokenAt(one, `added_tokens[${at}]`))
  return {
    tokenizer: {
      normalizer: translateNormalizer(file.normalizer, 'normalizer'),
      pre_tokenizer: parts.length === 0 ? null : { type: 'Sequence', pretokenizers: parts },
      model,
      added_tokens: added,
      post_processor: null,
      decoder: null,
    },
    frame: frameOf(file.post_processor, 'post_processor'),
  }
}
