/** The tokens of a `tokenizer.json` by their ids. */
import { flagAt, listAt, recordAt, textAt, wholeAt } from '../tokenizer/fields.ts'
import { MOST_IDS } from '../tokenizer/models.ts'

export interface Tokens {
  /** Undefined for an id without a token. */
  readonly tokenOf: (id: number) => string | undefined
  /** Tokens that are no text: the beginning, the end, roles. */
  readonly isSpecial: (id: number) => boolean
}

/** A model's vocabulary as a list of tokens and ids: BPE and WordPiece map tokens to ids, Unigram lists tokens. */
function vocabularyOf(model: unknown): readonly (readonly [string, number])[] {
  const { vocab } = recordAt(model, 'model')
  if (!Array.isArray(vocab)) return Object.entries(recordAt(vocab, 'model.vocab') as Readonly<Record<string, number>>)
  return vocab.map((one, id) => [textAt(listAt(one, `model.vocab[${id}]`)[0], `model.vocab[${id}][0]`), id] as const)
}

/** Of a file whose model is checked. Added tokens come before those of the model. Throws a TokenizerError. */
export function tokensOf(json: unknown): Tokens {
  const file = recordAt(json, 'tokenizer.json')
  const tokens = new Map(vocabularyOf(file.model).map(([token, id]) => [id, token]))
  const special = new Set<number>()
  for (const [index, one] of listAt(file.added_tokens ?? [], 'added_tokens').entries()) {
    const at = `added_tokens[${index}]`
    const fields = recordAt(one, at)
    const id = wholeAt(fields.id, `${at}.id`, MOST_IDS)
    tokens.set(id, textAt(fields.content, `${at}.content`))
    if (flagAt(fields.special, `${at}.special`, false)) special.add(id)
  }
  return { tokenOf: (id) => tokens.get(id), isSpecial: (id) => special.has(id) }
}
