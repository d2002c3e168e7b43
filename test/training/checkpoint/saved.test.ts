import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { encodeSafetensors } from '../../../runtime/checkpoint/encode.ts'
import { openSafetensors } from '../../../runtime/checkpoint/safetensors.ts'
import { bytesSource } from '../../../runtime/checkpoint/source.ts'
import { readTensor } from '../../../runtime/checkpoint/tensor.ts'
import { decodeSaved } from '../../../training/checkpoint/decode.ts'
import { encodeSaved, KEYS } from '../../../training/checkpoint/encode.ts'
import { checkSame, differences } from '../../../training/checkpoint/same.ts'
import type { Saved } from '../../../training/checkpoint/saved.ts'
import { runWeights } from '../../../training/checkpoint/weights.ts'
import { recipeOf } from '../recipes.ts'

const saved: Saved = {
  recipe: recipeOf(),
  state: {
    embed: { shape: [12, 3], data: Float32Array.from({ length: 36 }, (_, at) => at / 7) },
    gain: { shape: [3], data: Float32Array.of(-0, 1e-45, NaN) },
    'first.embed': { shape: [2], data: Float64Array.of(Math.PI, -1e-300) },
    count: { shape: [], data: Int32Array.of(-5) },
  },
  progress: {
    step: 12,
    position: { epoch: 3, offset: 7 },
    validations: [{ step: 10, loss: 0.1 }],
    lastEvaluation: 10,
    lossScaling: { scale: 4096, finiteUpdates: 3, skipped: 2 },
    probe: {
      layers: [
        {
          name: 'layers.0/moe',
          experts: 4,
          tokens: 2,
          k: 2,
          selected: Int32Array.of(0, 1, 3, -1),
          weights: Float32Array.of(0.5, 0.5, 1, 0),
        },
      ],
    },
  },
  competitions: { 'layers.0/moe': [1, 5] },
  data: { training: '60 tokens, 12345678', validation: null },
  vocabulary: { kind: 'characters', characters: ['\n', 'ß', '😀'] },
}

const bytesOf = (value: Saved): Uint8Array => {
  const { tensors, metadata } = encodeSaved(value)
  return encodeSafetensors(tensors, metadata)
}

const read = async (bytes: Uint8Array): Promise<Saved> => decodeSaved(await openSafetensors(bytesSource(bytes, 'a.safetensors')))

test('a state comes back as it was, to the bit', async () => {
  const found = await read(bytesOf(saved))
  expect(found).toEqual(saved)
  expect(Object.is((found.state.gain.data as Float32Array)[0], -0)).toBe(true)
  expect(bytesOf(found)).toEqual(bytesOf(saved))
  const begun = { ...saved, progress: { ...saved.progress, probe: null }, vocabulary: null }
  expect(await read(bytesOf(begun))).toEqual(begun)
})

test('a recipe of version 1 is read: a competition step was called a contest', async () => {
  const { competition, ...layer } = saved.recipe.layers[0]
  const before = { ...saved.recipe, version: 1, layers: [{ ...layer, contest: competition }] }
  expect((await read(bytesOf({ ...saved, recipe: before as unknown as Saved['recipe'] }))).recipe).toEqual({
    ...saved.recipe,
    layers: [saved.recipe.layers[0]],
  })
})

test('every byte is guarded: none can change unseen', async () => {
  const bytes = bytesOf(saved)
  const header = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true))
  for (let at = header; at < bytes.length; at += 5)
    await expect(read(bytes.with(at, bytes[at] ^ 16)), `byte ${at}`).rejects.toThrow('is damaged: the checksum')
  const text = new TextDecoder('latin1').decode(bytes)
  const seed = text.indexOf('\\"seed\\":5')
  await expect(read(bytes.with(seed + 9, '6'.charCodeAt(0)))).rejects.toThrow('is damaged')
  for (const length of [0, 7, header - 3, bytes.length - 1])
    await expect(read(bytes.slice(0, length))).rejects.toThrow(/a\.safetensors: /)
})

test('what is no checkpoint of a run is refused', async () => {
  const { tensors, metadata } = encodeSaved(saved)
  await expect(read(encodeSafetensors(tensors))).rejects.toThrow(
    "a.safetensors: is not a checkpoint of a training run: its metadata has no 'smoe.training'",
  )
  await expect(read(encodeSafetensors(tensors, { [KEYS.header]: '{' }))).rejects.toThrow('is damaged')
  await expect(read(encodeSafetensors(tensors, { [KEYS.header]: 'null' }))).rejects.toThrow('is damaged')
  await expect(read(encodeSafetensors(tensors, { [KEYS.header]: '{"version":9}' }))).rejects.toThrow(
    'is a checkpoint of version 9; versions 1 and 2 are supported',
  )
  await expect(read(encodeSafetensors(tensors, { [KEYS.header]: metadata[KEYS.header] }))).rejects.toThrow('it records none')
})

test('a state goes on in its own run alone', () => {
  const check = (recipe = saved.recipe, data = saved.data, vocabulary = saved.vocabulary): void =>
    checkSame('a', saved, recipe, data, vocabulary)
  expect(() => check()).not.toThrow()
  expect(() => check(recipeOf({ model: 'other' }))).toThrow("a: is of the model 'tiny', not 'other'")
  expect(() => check(recipeOf({ seed: 6, clip: null }))).toThrow(
    'a: is of another recipe: clip was 1 and is null; seed was 5 and is 6',
  )
  expect(() => check(recipeOf({ steps: 7, seed: 6, clip: null, accumulate: 3, batch: { B: 9, S: 4 } }))).toThrow('and 2 more')
  expect(() => check(saved.recipe, { ...saved.data, training: 'x' })).toThrow(
    'a: is of another run: its training set was 60 tokens, 12345678, and is now x',
  )
  expect(() => check(saved.recipe, { ...saved.data, validation: 'x' })).toThrow('its validation set was absent, and is now x')
  expect(() => check(saved.recipe, saved.data, { kind: 'characters', characters: ['x'] })).toThrow('its vocabulary was different')
  expect(() =>
    checkSame('a', { ...saved, state: { embed: saved.state.embed } }, saved.recipe, saved.data, saved.vocabulary),
  ).toThrow('a: lacks the weight gain [3]')
})

test('differences are found in the leaves', () => {
  expect(differences({ a: [1, { b: 2 }], c: 3 }, { a: [1, { b: 4 }] })).toEqual([
    { path: 'a.1.b', then: '2', now: '4' },
    { path: 'c', then: '3', now: 'nothing' },
  ])
  expect(differences({ a: null }, { a: {} })).toEqual([{ path: 'a', then: 'null', now: '{}' }])
})

test('a state of an earlier version gives its weights and is not resumed', async () => {
  const bytes = readFileSync(new URL('version-1.safetensors', import.meta.url))
  const old = await openSafetensors(bytesSource(bytes, 'old.safetensors'))
  const found = runWeights(old)!
  expect(found).toMatchObject({ model: 'tiny', step: 3, vocabulary: { kind: 'characters' } })
  expect([...found.checkpoint.tensors.keys()].filter((name) => /^(first|second)\./.test(name))).toEqual([])
  expect((await readTensor(found.checkpoint, 'embed')).shape).toEqual([6, 2])
  await expect(decodeSaved(old)).rejects.toThrow(
    'old.safetensors: was saved by an earlier version of smoe and cannot be resumed; its weights can start a new run: smoe train --weights',
  )
})
