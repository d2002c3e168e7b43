/** Tiny random models as GGUF files, written by the format's own writer, beside the logits of transformers 5.18 in f64. */
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { configOfGguf } from '../../cli/import/gguf/config.ts'
import { importModel } from '../../cli/import/import.ts'
import { compileGraph } from '../../compiler/compile.ts'
import { withWeightFormats } from '../../compiler/passes/weight-formats.ts'
import { fileSource, openCheckpoint } from '../../runtime/checkpoint/files.ts'
import { openGguf, type GgufFile, type GgufTensor } from '../../runtime/checkpoint/gguf/open.ts'
import type { GgufValue } from '../../runtime/checkpoint/gguf/values.ts'
import type { Device } from '../../runtime/device.ts'
import { createSession } from '../../runtime/session.ts'
import { formatsIn } from '../../runtime/weights/formats.ts'
import { framed } from '../support/check.ts'
import { argmaxRows, relativeError } from '../support/compare.ts'
import { open } from '../support/devices.ts'
import { graphOf } from '../support/graph.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { root } from '../support/sources.ts'

const folder = join(root, 'test/fixtures/gguf')
const types = [
  ...['llama', 'mixtral', 'qwen2', 'qwen3', 'qwen2_moe', 'qwen3_moe', 'olmoe', 'granitemoeshared', 'gpt_oss'],
  ...[
    'gpt_oss_mxfp4',
    'deepseek_v2',
    'deepseek_v3',
    'deepseek_v2_split',
    'deepseek_v3_q8_0',
    'llama_llama3',
    'glm4_moe',
    'dots1',
    'exaone_moe',
    'minimax_m2',
    'lfm2_moe',
    'ernie4_5_moe',
    'hunyuan_v1_moe',
    'dbrx',
  ],
]

const opened: GgufFile[] = []

/** Tensors that no weight is read from. */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  exaone_moe: ['blk.4.nextn.enorm.weight', 'blk.4.attn_norm.weight'],
  llama_llama3: ['rope_freqs.weight'],
}

async function fileOf(type: string): Promise<GgufFile> {
  const file = await openGguf(await fileSource(join(folder, `${type}.gguf`)))
  opened.push(file)
  return file
}

afterEach(async () => {
  for (const { source } of opened.splice(0)) await source.close()
})

interface Read {
  readonly spec: string
  readonly isIgnorable: (tensor: string) => boolean
}

async function read(file: GgufFile): Promise<Read> {
  const found = await configOfGguf(file)
  if (found.kind === 'unsupported') throw new Error(found.problems.join('\n'))
  const imported = importModel(found.config, { gguf: found.architecture })
  if (imported.kind === 'unsupported') throw new Error(imported.message)
  expect(imported.notes).toEqual([])
  return { spec: imported.spec, isIgnorable: found.isIgnorable }
}

let device: Device
beforeAll(async () => void (device = await open('cpu')))
afterAll(() => device.dispose())

describe.each(types)('%s', (type) => {
  test('has the logits of transformers on the cpu device', async () => {
    const { spec: text, isIgnorable } = await read(await fileOf(type))
    const tensors = await openCheckpoint(join(folder, `${type}.gguf`))
    const shipped = { kind: 'tensors', formats: formatsIn(tensors), isByPath: false } as const
    const graph = withWeightFormats(graphOf({ path: `${type}.smoe`, text }), shipped)
    const { plan, diagnostics } = compileGraph(graph, device.target)
    if (plan === null) throw new Error(framed(diagnostics))
    const matrices = plan.weights.filter(({ shape }) => shape.length === 3).map(({ storage }) => storage?.format)
    if (type === 'gpt_oss_mxfp4') expect(matrices).toContain('mxfp4_gguf')
    const session = await createSession(device, plan)
    const extra = [...tensors.tensors.keys()].filter(isIgnorable)
    expect(extra).toEqual(BESIDE[type] ?? [])
    await session.loadWeights(tensors, { allowExtra: extra.length > 0 })
    await tensors.close()
    const { input_ids: ids, logits } = readSafetensors(join(folder, `${type}.safetensors`))
    const found = await session.run({ tokens: { shape: ids.shape, data: Int32Array.from(ids.values) } })
    session.dispose()
    expect(relativeError(found.logits.data, logits.values)).toBeLessThanOrEqual(2e-5)
    expect(argmaxRows(found.logits.data, 40)).toEqual(argmaxRows(logits.values, 40))
  })
})

const changed = (file: GgufFile, changes: Readonly<Record<string, GgufValue>>): GgufFile => ({
  ...file,
  values: new Map([...file.values, ...Object.entries(changes)]),
})

const withTensor = (file: GgufFile, name: string, tensor: GgufTensor): GgufFile => ({
  ...file,
  tensors: new Map([...file.tensors, [name, tensor]]),
})

const refusals: readonly (readonly [type: string, changes: Readonly<Record<string, GgufValue>>, message: RegExp])[] = [
  [
    'qwen3_moe',
    { 'general.architecture': 'mamba' },
    /the architecture 'mamba' of a GGUF file is not supported \(read are llama, /,
  ],
  ['qwen3_moe', { 'general.architecture': 7 }, /'general.architecture' is missing/],
  ['qwen3_moe', { 'qwen3moe.expert_gating_func': 2 }, /'qwen3moe.expert_gating_func' is 2: only 1, softmax/],
  ['qwen3_moe', { 'qwen3moe.expert_group_count': 4 }, /'qwen3moe.expert_group_count' is 4: one group/],
  ['qwen3_moe', { 'qwen3moe.expert_weights_scale': 2.5 }, /'qwen3moe.expert_weights_scale' is 2.5/],
  ['qwen3_moe', { 'qwen3moe.attention.sliding_window': 8 }, /keys that nothing reads: qwen3moe.attention.sliding_window/],
  ['qwen3_moe', { 'qwen3moe.block_count': 'two' }, /'qwen3moe.block_count' must be a number, not "two"/],
  [
    'qwen3_moe',
    { 'qwen3moe.rope.scaling.type': 'longrope' },
    /'qwen3moe.rope.scaling.type' is 'longrope': none, linear, yarn are read/,
  ],
  ['glm4_moe', { 'glm4moe.rope.scaling.yarn_attn_factor': 1.2 }, /'glm4moe.rope.scaling.yarn_attn_factor' is 1.2: only 1/],
  [
    'glm4_moe',
    { 'glm4moe.rope.scaling.yarn_log_multiplier': 0.1 },
    /keys that nothing reads: glm4moe.rope.scaling.yarn_log_multiplier/,
  ],
  ['glm4_moe', { 'glm4moe.expert_gating_func': 1 }, /'glm4moe.expert_gating_func' is 1: only 2, sigmoid/],
  ['gpt_oss', { 'gpt-oss.expert_gating_func': 1 }, /'gpt-oss.expert_gating_func' is 1: only 3, softmax of the chosen/],
  ['granitemoeshared', { 'granitemoe.expert_weights_norm': false }, /'granitemoe.expert_weights_norm' is false/],
  [
    'deepseek_v2',
    { 'deepseek2.expert_group_count': 4 },
    /'deepseek2.expert_group_count' is 4: one group is supported beside a softmax/,
  ],
  ['deepseek_v2', { 'deepseek2.expert_weights_norm': true }, /'deepseek2.expert_weights_norm' is true/],
  ['hunyuan_v1_moe', { 'hunyuan-moe.expert_feed_forward_length': 9 }, /'hunyuan-moe.expert_feed_forward_length' is 9/],
  ['hunyuan_v1_moe', { 'hunyuan-moe.expert_shared_count': 2 }, /'hunyuan-moe.expert_shared_count' is 2/],
  ['dbrx', { 'dbrx.attention.layer_norm_epsilon': 1e-6 }, /'dbrx.attention.layer_norm_epsilon' is/],
  [
    'lfm2_moe',
    { 'lfm2moe.attention.head_count_kv': 2 },
    /'lfm2moe.attention.head_count_kv' must be a list of whole numbers, not 2/,
  ],
  ['exaone_moe', { 'exaone-moe.attention.sliding_window_pattern': 4 }, /must be a list of true or false, not 4/],
  ['qwen3', { 'qwen3.rope.dimension_count': 4 }, /'qwen3.rope.dimension_count' is 4 of 6/],
]

test.each(refusals)('%s with %j is refused', async (type, changes, message) => {
  const found = await configOfGguf(changed(await fileOf(type), changes))
  expect(found.kind === 'unsupported' ? found.problems.join('\n') : '').toMatch(message)
})

test.each([
  ['deepseek2.expert_group_count', /'deepseek2.expert_group_count' is missing/],
  ['deepseek2.rope.scaling.yarn_log_multiplier', /'deepseek2.rope.scaling.yarn_log_multiplier' is missing/],
])('DeepSeek-V3 without %s is refused', async (key, message) => {
  const file = await fileOf('deepseek_v3')
  const found = await configOfGguf({ ...file, values: new Map([...file.values].filter(([name]) => name !== key)) })
  expect(found.kind === 'unsupported' ? found.problems.join('\n') : '').toMatch(message)
})

test('sizes of heads are needed beside keys and values of latent attention in tensors of their own', async () => {
  const file = await fileOf('deepseek_v2_split')
  const values = new Map([...file.values].filter(([name]) => !name.endsWith('_mla')))
  const found = await configOfGguf({ ...file, values })
  expect(found.kind === 'unsupported' ? found.problems : []).toEqual([
    "'deepseek2.attention.key_length_mla' is missing: it says the size of a head beside 'blk.0.attn_k_b.weight'",
    "'deepseek2.attention.value_length_mla' is missing: it says the size of a head beside 'blk.0.attn_k_b.weight'",
  ])
})

const FACTORS = 'rope_freqs.weight'

test('factors of frequencies stand in the spec', async () => {
  const { spec } = await read(await fileOf('llama_llama3'))
  expect(spec).toContain('frequency = divided_frequencies(4, factors = [1.7359412, 8.0, 8.0, 8.0], theta = 500.0)')
  expect(spec).not.toContain('magnitude')
})

test.each<readonly [string, (file: GgufFile) => GgufFile, RegExp]>([
  [
    'beside another scaling',
    (file) => changed(file, { 'llama.rope.scaling.type': 'linear' }),
    /'llama.rope.scaling.type' is 'linear' beside 'rope_freqs.weight': only one is supported/,
  ],
  [
    'of another type',
    (file) => withTensor(file, FACTORS, file.tensors.get('blk.0.attn_q.weight')!),
    /'rope_freqs.weight' is BF16 \[32, 32\]: it must be F32/,
  ],
  [
    'that are 0',
    (file) =>
      withTensor(file, FACTORS, { ...file.tensors.get(FACTORS)!, begin: file.tensors.get(FACTORS)!.begin + 4, bytes: 16 }),
    /'rope_freqs.weight' has 0: frequencies are divided by numbers above 0/,
  ],
  [
    'for each length',
    (file) => withTensor(file, 'rope_factors_long.weight', file.tensors.get(FACTORS)!),
    /'rope_factors_long.weight' scales the frequencies of the rotary embedding by the length/,
  ],
])('factors of frequencies %s are refused', async (_, change, message) => {
  const found = await configOfGguf(change(await fileOf('llama_llama3')))
  expect(found.kind === 'unsupported' ? found.problems.join('\n') : '').toMatch(message)
})
