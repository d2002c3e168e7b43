import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { encodeSafetensors, type FileData } from '../../runtime/checkpoint/encode.ts'
import { openCheckpoint } from '../../runtime/checkpoint/files.ts'
import { readTensor } from '../../runtime/checkpoint/tensor.ts'
import { root } from '../support/sources.ts'
import { place, type Outcome, type Place } from './harness.ts'

const cases = join(root, 'test/fixtures/cases')
const plain = join(cases, 'import-both-rope')
const tied = join(cases, 'import-tied-with-other-head')

type Config = Readonly<Record<string, unknown>>
type Tensors = Readonly<Record<string, FileData>>

const configOf = (folder: string): Config => JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as Config
const withoutScaling = (config: Config): Config => ({ ...config, rope_scaling: null })

async function tensorsOf(folder: string, file = 'model.safetensors'): Promise<Tensors> {
  const checkpoint = await openCheckpoint(join(folder, file))
  const tensors: Record<string, FileData> = {}
  for (const name of checkpoint.tensors.keys()) tensors[name] = (await readTensor(checkpoint, name)) as FileData
  await checkpoint.close()
  return tensors
}

const folderOf = (config: Config, tensors: Tensors): Place =>
  place({ 'm/config.json': JSON.stringify(config), 'm/model.safetensors': encodeSafetensors(tensors) })

/** Imports a folder, and compares its logits with those of a file on the reference. */
async function follow(
  there: Place,
  expected: string,
  folder = 'm',
): Promise<{ readonly imported: Outcome; readonly ran: Outcome }> {
  const imported = await there.smoe('import', folder, '-o', 'm.smoe')
  expect(imported.code, imported.err).toBe(0)
  const ran = await there.smoe(
    'run',
    'm.smoe',
    '--weights',
    folder,
    '--in',
    `tokens=${expected}:input_ids`,
    '--compare',
    expected,
    '--device',
    'reference',
  )
  return { imported, ran }
}

describe('what a config says twice', () => {
  test('rope_scaling counts, rope_parameters does not, and that is said', async () => {
    const { imported, ran } = await follow(place(), join(plain, 'expected.safetensors'), plain)
    expect(ran.code, ran.err).toBe(0)
    expect(imported.err).toContain(
      "note: both 'rope_scaling' and 'rope_parameters' are given: as in transformers, only 'rope_scaling' is read",
    )
  })

  test('attention without a mask is read', async () => {
    const there = place({
      'm/config.json': readFileSync(join(cases, 'import-is-causal-false/config.json')),
      'm/model.safetensors': readFileSync(join(plain, 'model.safetensors')),
    })
    const { ran } = await follow(there, join(cases, 'import-is-causal-false/expected.safetensors'))
    expect(ran.code, ran.err).toBe(0)
  })
})

describe('a head in the file', () => {
  test('counts more than a config that ties it, and that is said', async () => {
    const { imported, ran } = await follow(place(), join(tied, 'expected.safetensors'), tied)
    expect(ran.code, ran.err).toBe(0)
    expect(imported.err).toContain(
      'lm_head.weight is in the file and differs from the embedding: as in transformers, the head of the file is used',
    )
  })

  test('that is the embedding stays tied', async () => {
    const tensors = await tensorsOf(tied)
    const there = folderOf(configOf(tied), { ...tensors, 'lm_head.weight': tensors['model.embed_tokens.weight'] })
    const { out, err, code } = await there.smoe('import', 'm')
    expect([code, err]).toEqual([0, ''])
    expect(out).toContain('@ embed.T')
  })

  test('of another shape is refused', async () => {
    const there = folderOf(configOf(tied), {
      ...(await tensorsOf(tied)),
      'lm_head.weight': { shape: [95, 32], data: new Float32Array(95 * 32) },
    })
    const { code, err } = await there.smoe('import', 'm')
    expect(code).toBe(5)
    expect(err).toContain('head expects f32[96, 32] from lm_head.weight; the file has F32[95, 32]')
  })

  test('is needed where the config does not tie it', async () => {
    const { 'lm_head.weight': _, ...tensors } = await tensorsOf(tied)
    const there = folderOf({ ...configOf(tied), tie_word_embeddings: false }, tensors)
    const { code, err } = await there.smoe('import', 'm')
    expect(code).toBe(5)
    expect(err).toContain('from lm_head.weight, which the file does not have')
    expect((await folderOf(configOf(tied), tensors).smoe('import', 'm')).code).toBe(0)
  })
})

describe('tensors that nothing reads', () => {
  const bias: FileData = { shape: [32], data: new Float32Array(32) }
  const buffers: Tensors = {
    'model.layers.0.self_attn.rotary_emb.inv_freq': { shape: [4], data: new Float32Array(4) },
    'model.rotary_emb.inv_freq': { shape: [4], data: new Float32Array(4) },
  }

  test('are an error of an import, unless they are allowed, and a note of a run', async () => {
    const there = folderOf(withoutScaling(configOf(plain)), {
      ...(await tensorsOf(plain)),
      'model.layers.0.self_attn.q_proj.bias': bias,
      'a.b': bias,
    })
    const refused = await there.smoe('import', 'm', '-o', 'm.smoe')
    expect(refused.code).toBe(5)
    expect(refused.err).toMatch(/2 tensors of .* are not read: a\.b, model\.layers\.0\.self_attn\.q_proj\.bias\n/)
    expect(there.read('m.smoe')).toBeNull()
    const allowed = await there.smoe('import', 'm', '-o', 'm.smoe', '--allow-unread')
    expect(allowed.code).toBe(0)
    expect(allowed.err).toContain('note: 2 tensors of')
    const input = join(plain, 'expected.safetensors')
    const run = ['run', 'm.smoe', '--weights', 'm', '--in', `tokens=${input}:input_ids`, '--device'] as const
    for (const device of ['reference', 'cpu']) {
      const { code, err } = await there.smoe(...run, device)
      expect(code, err).toBe(0)
      expect(err).toMatch(/note: 2 tensors of .* are not read: a\.b, model\.layers\.0\.self_attn\.q_proj\.bias\n/)
    }
  }, 120_000)

  test('are named up to eight, with their number', async () => {
    const more = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`extra.${at}.${'x'.repeat(500)}`, bias]))
    const { err } = await folderOf(withoutScaling(configOf(plain)), { ...(await tensorsOf(plain)), ...more }).smoe('import', 'm')
    expect(err).toContain('300 tensors')
    expect(err).toContain('and 292 more')
    expect(err.length).toBeLessThan(1200)
  })

  test('that are known to be without effect are not named', async () => {
    const { code, err } = await folderOf(withoutScaling(configOf(plain)), { ...(await tensorsOf(plain)), ...buffers }).smoe(
      'import',
      'm',
    )
    expect([code, err]).toEqual([0, ''])
  })
})

test('weights that are those of another model are refused with all that is amiss', async () => {
  const { code, err } = await folderOf(
    { ...withoutScaling(configOf(plain)), num_hidden_layers: 3, vocab_size: 90 },
    await tensorsOf(plain),
  ).smoe('import', 'm')
  expect(code).toBe(5)
  expect(err).toContain(
    'layers.2.attention.q expects f32[32, 32] from model.layers.2.self_attn.q_proj.weight, which the file does not have',
  )
  expect(err).toContain('embed expects f32[90, 32]')
})

test.each([
  ['num_hidden_layers', 100_000, "'num_hidden_layers' is 100000: more than 65536 layers are not supported"],
  ['hidden_size', 2 ** 33, 'the sizes in the config are beyond what a spec may have: '],
  ['vocab_size', 2 ** 40, 'the sizes in the config are beyond what a spec may have: '],
])('a config whose %s is %d is refused with the limit', async (field, value, limit) => {
  const { code, err } = await folderOf({ ...withoutScaling(configOf(plain)), [field]: value }, await tensorsOf(plain)).smoe(
    'import',
    'm',
  )
  expect(code, err).toBe(5)
  expect(err).toContain(limit)
})

test('sizes beyond those of a spec are refused without weights too', async () => {
  const config = { ...withoutScaling(configOf(plain)), vocab_size: 2 ** 40 }
  const { code, err } = await place({ 'm/config.json': JSON.stringify(config) }).smoe('import', 'm')
  expect(code).toBe(5)
  expect(err).toContain('the sizes in the config are beyond what a spec may have: ')
})

test('a config alone is imported by its path or its folder', async () => {
  const there = place({ 'm/config.json': JSON.stringify(withoutScaling(configOf(plain))) })
  const unchecked = 'note: no safetensors weights are beside the config: their names and shapes were not checked\n'
  for (const path of ['m', 'm/config.json']) expect(await there.smoe('import', path)).toMatchObject({ code: 0, err: unchecked })
})

test('a folder with two checkpoints is refused, and one of them can be named', async () => {
  const tensors = await tensorsOf(plain)
  const index = '{"weight_map": {"model.norm.weight": "old.safetensors"}}'
  const files = {
    'm/config.json': JSON.stringify(withoutScaling(configOf(plain))),
    'm/model.safetensors': encodeSafetensors(tensors),
    'm/model.safetensors.index.json': index,
  }
  const there = place({ ...files, 'm/old.safetensors': encodeSafetensors({ 'model.norm.weight': tensors['model.norm.weight'] }) })
  const { code, err } = await there.smoe('import', 'm')
  expect([code, err]).toEqual([5, expect.stringContaining('has both model.safetensors and model.safetensors.index.json')])
  expect(await there.smoe('import', 'm', '--weights', 'm/model.safetensors')).toMatchObject({ code: 0, err: '' })
  expect((await there.smoe('import', 'm', '--weights', 'm/model.safetensors.index.json')).code).toBe(5)
  expect((await there.smoe('import', 'm', '--weights', 'm/nowhere')).code).toBe(2)
})

test('an adapter beside the weights is refused', async () => {
  const there = place({ 'm/config.json': JSON.stringify(withoutScaling(configOf(plain))), 'm/adapter_config.json': '{}' })
  expect(await there.smoe('import', 'm')).toMatchObject({
    code: 5,
    err: expect.stringContaining('an adapter changes the weights') as string,
  })
})

test('whatever a config holds, its message is short', async () => {
  const long = 'x'.repeat(2_000_000)
  const deep = `${'['.repeat(20_000)}1${']'.repeat(20_000)}`
  const configs = [
    `{"model_type": "${long}"}`,
    `{"model_type": "llama", "hidden_act": "${long}", "architectures": ["${long}"], "layer_types": ["${long}"]}`,
    `{"model_type": "llama", "rope_scaling": {"type": "${long}"}}`,
    `{"model_type": "llama", "rope_scaling": {"${long}": 3}}`,
    `{"model_type": "llama", "rope_scaling": {"${long}": {}}}`,
    `{"model_type": "llama", "hidden_size": ${'9'.repeat(100_000)}, "vocab_size": ${deep}}`,
    `{"model_type": "llama", "hidden_size": "${long}`,
    deep,
    `{"${long}": NaN}`,
  ]
  for (const config of configs) {
    const { code, err } = await place({ 'config.json': config }).smoe('import', '.')
    expect([code, err.length < 2000], err.slice(0, 300)).toEqual([5, true])
  }
})

test('numbers that are not finite are read as Python writes them', async () => {
  const { code, err } = await place().smoe('import', join(cases, 'import-infinity'))
  expect(code).toBe(5)
  expect(err).toContain("the architecture 'nemotron_h' is not in the table (supported are llama, ")
  const there = place({
    'config.json': JSON.stringify(configOf(plain)).replace(
      '"rms_norm_eps":0.000001',
      '"rms_norm_eps":NaN,"rope_theta":-Infinity,"other":Infinity',
    ),
  })
  const refused = await there.smoe('import', '.')
  expect(refused.err).toContain("'rms_norm_eps' must be a number above 0 that f32 holds, not NaN")
})

describe('the layout of the files', () => {
  const folder = join(root, 'test/fixtures/architectures/qwen2_moe')
  const fusedTensors = (): Promise<Tensors> => tensorsOf(folder, 'fused.safetensors')

  test('is found from the names of tensors', async () => {
    const { out, err, code } = await folderOf(configOf(folder), await fusedTensors()).smoe('import', 'm')
    expect([code, err]).toEqual([0, ''])
    expect(out).toContain('moe.experts.up = "mlp.experts.gate_up_proj"[:, F:2 * F]')
    expect((await place().smoe('import', folder)).out).toContain('"mlp.experts.{e}.{gate,up,down}_proj.weight"')
  })

  test('that has more in a tensor than is read is refused, with what else is amiss', async () => {
    const { 'model.layers.0.mlp.experts.gate_up_proj': wide, 'lm_head.weight': _, ...tensors } = await fusedTensors()
    const doubled = { ...wide, shape: [4, 32, 16], data: new Float32Array(4 * 32 * 16) }
    const there = folderOf(configOf(folder), { ...tensors, 'model.layers.0.mlp.experts.gate_up_proj': doubled, 'a.b': wide })
    const { err, code } = await there.smoe('import', 'm')
    expect(code).toBe(5)
    expect(err).toContain('layers.0.moe.experts.up reads model.layers.0.mlp.experts.gate_up_proj: only 1024 of its 2048 numbers')
    expect(err).toContain('head expects f32[40, 16] from lm_head.weight, which the file does not have')
    expect(err).toMatch(/1 tensor of .* is not read: a\.b/)
  })
})

test('--explain tells what each field became, and leaves the spec to -o', async () => {
  const there = place()
  const explained = await there.smoe('import', join(root, 'test/fixtures/architectures/qwen2_moe'), '--explain', '-o', 'm.smoe')
  expect(explained.code).toBe(0)
  expect(explained.out).toMatch(/^field +value +became\n/)
  expect(explained.out).toMatch(/\nmoe_intermediate_size +8 +the parameter F: the width inside an expert\n/)
  expect(explained.out).toMatch(/\nrope_parameters\.rope_theta +10000 +the base of the rotary embedding\n/)
  expect(explained.out).toMatch(/\nuse_cache +true +nothing: the logits do not depend on it\n/)
  expect(explained.out).toMatch(/\nis_causal +absent: true +whether a position sees later ones\n/)
  expect(there.read('m.smoe')).toContain('model qwen2_moe(')
})
