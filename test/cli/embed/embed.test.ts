/** `smoe embed`: pooled hidden states of the reference, which transformers' facts give (`scripts/architectures`). */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { normalised, pool } from '../../../analysis/embed/pool.ts'
import { readSafetensors } from '../../support/safetensors.ts'
import { root } from '../../support/sources.ts'
import { place } from '../harness.ts'

const folder = join(root, 'test/fixtures/architectures/nomic_bert')
const fixture = (name: string): Buffer => readFileSync(join(folder, name))
const reference = readSafetensors(join(folder, 'reference.safetensors'))
const { shape, values: ids } = reference.input_ids
const WORDS = Array.from({ length: 40 }, (_, id) => `w${id}`)

/** A word a token, so that a text has the tokens of the reference. */
const tokenizer = {
  model: { type: 'WordPiece', vocab: Object.fromEntries(WORDS.map((word, id) => [word, id])), unk_token: 'w0' },
  pre_tokenizer: { type: 'WhitespaceSplit' },
}
const MODULES = [
  { idx: 0, path: '', type: 'sentence_transformers.models.Transformer' },
  { idx: 1, path: '1_Pooling', type: 'sentence_transformers.models.Pooling' },
  { idx: 2, path: '2_Normalize', type: 'sentence_transformers.models.Normalize' },
]
const model = {
  'm/config.json': fixture('config.json'),
  'm/model.safetensors': fixture('model.safetensors'),
  'm/tokenizer.json': JSON.stringify(tokenizer),
}
const texts = Array.from({ length: shape[0] }, (_, row) =>
  [...ids.slice(row * shape[1], (row + 1) * shape[1])].map((id) => WORDS[id]).join(' '),
)

test('vectors are the pooled hidden states of transformers', async () => {
  const one = place({
    ...model,
    'm/modules.json': JSON.stringify(MODULES),
    'm/1_Pooling/config.json': JSON.stringify({ word_embedding_dimension: 16, pooling_mode_mean_tokens: true }),
  })
  const { code, out, err } = await one.smoe(
    'embed',
    'm',
    ...texts,
    '--device',
    'cpu',
    '--format',
    'json',
    '--out',
    'v.safetensors',
  )
  expect(code, err).toBe(0)
  const told = JSON.parse(out) as {
    readonly pooling: string
    readonly embeddings: readonly { readonly vector: readonly number[] }[]
  }
  expect(told.pooling).toBe('mean')
  const width = reference.hidden.shape[2]
  const written = readSafetensors(join(one.folder, 'v.safetensors')).embeddings
  expect(written.shape).toEqual([texts.length, width])
  told.embeddings.forEach(({ vector }, row) => {
    const hidden = Float32Array.from(reference.hidden.values.slice(row * shape[1] * width, (row + 1) * shape[1] * width))
    const wanted = normalised(pool(hidden, width, 'mean'))
    vector.forEach((value, at) => {
      expect(Math.abs(value - wanted[at])).toBeLessThan(2e-5)
      expect(written.values[row * width + at]).toBe(Math.fround(value))
    })
  })
})

test('a table says how near texts are', async () => {
  const { code, out, err } = await place(model).smoe('embed', 'm', 'w1 w2', 'w3', 'w1 w2', '--pooling', 'cls', '--device', 'cpu')
  expect(code, err).toBe(0)
  expect(out).toMatch(/^cosine +1 +2 +3\n +1 +1\.000 +-?0\.\d{3} +1\.000 {2}"w1 w2"\n/)
})

test('what cannot be is refused', async () => {
  const pooling = (fields: object) => ({
    'm/modules.json': JSON.stringify(MODULES),
    'm/1_Pooling/config.json': JSON.stringify(fields),
  })
  for (const [files, args, code, message] of [
    [{}, [], 2, "'m' does not say how the vectors of tokens become one"],
    [pooling({ pooling_mode_mean_sqrt_len_tokens: true }), [], 5, 'pools by pooling_mode_mean_sqrt_len_tokens: one of'],
    [pooling({}), [], 5, 'pools by no mode: one of'],
    [{ 'm/modules.json': '[{ "type": "a.Dense", "path": "" }]' }, [], 5, "has the module 'a.Dense', which is not supported"],
    [{ 'm/modules.json': '{' }, [], 5, "'m/modules.json' is not JSON"],
    [{}, ['--pooling', 'sum'], 2, 'is invalid. Allowed choices are mean, cls, last, max'],
  ] as const) {
    const told = await place({ ...model, ...files }).smoe('embed', 'm', 'w1', '--device', 'cpu', ...args)
    expect({ code: told.code, out: told.out }, told.err).toEqual({ code, out: '' })
    expect(told.err).toContain(message)
  }
  const language = await place({
    'm/config.json': readFileSync(join(root, 'test/fixtures/checkpoints/llama/config.json')),
    'm/model.safetensors': readFileSync(join(root, 'test/fixtures/checkpoints/llama/model.safetensors')),
    'm/tokenizer.json': JSON.stringify(tokenizer),
  }).smoe('embed', 'm', 'w1', '--pooling', 'mean', '--device', 'cpu')
  expect([language.code, language.err]).toEqual([2, expect.stringContaining('llama gives no vectors: no output is f32[B, S, D]')])
})
