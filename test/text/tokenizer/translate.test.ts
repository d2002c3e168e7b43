import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { TokenizerError } from '../../../text/tokenizer/errors.ts'
import { translate } from '../../../text/tokenizer/translate.ts'

const FILE = new URL('../../fixtures/tokenizers/cases.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(FILE, 'utf8')) as { cases: { name: string; tokenizer: Record<string, unknown> }[] }
const tokenizerOf = (name: string): Record<string, unknown> => structuredClone(cases.find((one) => one.name === name)!.tokenizer)

const BYTES = tokenizerOf('byte level')
const WORDS = tokenizerOf('whitespace')
const UNIGRAM = tokenizerOf('unigram')

const regex = { Regex: 'a+' }
const splitOf = (fields: object): object => ({ type: 'Split', pattern: { String: ' ' }, behavior: 'Isolated', ...fields })
const modelOf = (base: Record<string, unknown>, fields: object): object => ({ model: { ...(base.model as object), ...fields } })

/** Name -> what is changed of a tokenizer, and what is said of it. */
const REFUSED: Readonly<Record<string, readonly [base: Record<string, unknown>, changes: object, message: string]>> = {
  'an unknown normalizer': [BYTES, { normalizer: { type: 'Nmt' } }, "'normalizer' is of the type 'Nmt', which is not supported"],
  'what the library approximates': [
    BYTES,
    { normalizer: { type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'Precompiled', precompiled_charsmap: 'AA' }] } },
    "'normalizer.normalizers[1]' is of the type 'Precompiled', which is not supported",
  ],
  'a name of every object': [
    BYTES,
    { normalizer: { type: 'toString' } },
    "'normalizer' is of the type 'toString', which is not supported",
  ],
  'a merged split at a pattern': [
    BYTES,
    { pre_tokenizer: splitOf({ pattern: regex, behavior: 'MergedWithNext' }) },
    "'pre_tokenizer' has the behavior 'MergedWithNext', which is supported for one character",
  ],
  'a removed pattern that captures': [
    BYTES,
    { pre_tokenizer: splitOf({ pattern: { Regex: '(a)b' }, behavior: 'Removed' }) },
    "'pre_tokenizer.pattern' captures groups, and what matches is to be removed",
  ],
  'an unknown behavior': [
    BYTES,
    { pre_tokenizer: splitOf({ behavior: 'constructor' }) },
    "'pre_tokenizer.behavior' is 'constructor', which is not supported",
  ],
  'random tokens': [BYTES, modelOf(BYTES, { dropout: 0.1 }), "'model.dropout' makes tokens random"],
  'a prefix of subwords': [
    BYTES,
    modelOf(BYTES, { continuing_subword_prefix: '##' }),
    "'model.continuing_subword_prefix' is not supported",
  ],
  'a merge that is not two tokens': [BYTES, modelOf(BYTES, { merges: ['a b c'] }), "'model.merges[0]' is not two tokens"],
  'a merge of an unknown token': [
    BYTES,
    modelOf(BYTES, { merges: [['a', 'QQ']] }),
    "'model.merges[0]' has 'QQ', which is not in the vocabulary",
  ],
  'an id that is no number': [
    BYTES,
    modelOf(BYTES, { vocab: { ...(BYTES.model as { vocab: object }).vocab, a: '1' } }),
    "'model.vocab['a']' is a string, a whole number up to 4194304 is needed",
  ],
  'an unknown token that is none': [
    WORDS,
    modelOf(WORDS, { unk_token: 'none' }),
    "'model.unk_token' is 'none', which is not in the vocabulary",
  ],
  'characters that nothing stands for': [
    WORDS,
    modelOf(WORDS, { unk_token: null }),
    "'model.unk_token' is missing, and so are tokens of ",
  ],
  'unknown tokens fused beyond pieces': [
    WORDS,
    modelOf(WORDS, { fuse_unk: true }),
    "'model.fuse_unk' is supported where the text is one piece",
  ],
  'scores that are none': [UNIGRAM, modelOf(UNIGRAM, { vocab: [['a', null]] }), "'model.vocab[0]' is not a token and its score"],
  'bytes of a unigram': [UNIGRAM, modelOf(UNIGRAM, { byte_fallback: true }), "'model.byte_fallback' is not supported"],
  'a model without a type': [BYTES, { model: { vocab: {} } }, "'model.type' is missing, a string is needed"],
  'a word level': [BYTES, { model: { type: 'WordLevel' } }, "'model' is of the type 'WordLevel', which is not supported"],
  'an added token of whole words': [
    BYTES,
    { added_tokens: [{ id: 1, content: 'a', single_word: true }] },
    "'added_tokens[0].single_word' is not supported",
  ],
  'an empty added token': [BYTES, { added_tokens: [{ id: 1, content: '' }] }, "'added_tokens[0].content' is empty"],
  'a template without the text': [
    BYTES,
    { post_processor: { type: 'TemplateProcessing', single: [], special_tokens: {} } },
    "'post_processor.single' does not have the text once",
  ],
  'a template of an unknown token': [
    BYTES,
    { post_processor: { type: 'TemplateProcessing', single: [{ SpecialToken: { id: '<s>' } }], special_tokens: {} } },
    "'post_processor.special_tokens['<s>']' is missing, an object is needed",
  ],
}

for (const [name, [base, changes, message]] of Object.entries(REFUSED)) {
  test(`refuses ${name}`, () => {
    let error: unknown = null
    try {
      translate({ ...base, ...changes })
    } catch (problem) {
      error = problem
    }
    expect(error).toBeInstanceOf(TokenizerError)
    expect((error as TokenizerError).message).toContain(message)
  })
}

test('special tokens of processors nest, the first innermost', () => {
  const around = (cls: number, sep: number): object => ({ type: 'BertProcessing', cls: ['c', cls], sep: ['s', sep] })
  const post = { type: 'Sequence', processors: [{ type: 'ByteLevel' }, around(1, 2), around(3, 4)] }
  expect(translate({ ...BYTES, post_processor: post }).frame).toEqual({ before: [3, 1], after: [2, 4] })
})
