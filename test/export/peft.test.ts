/** Low-rank pairs as an adapter of PEFT. */
import { describe, expect, test } from 'vitest'
import { peftFiles } from '../../cli/export/peft.ts'
import type { NamedFile } from '../../cli/export/shards.ts'
import type { WeightPort } from '../../plan/plan.ts'
import { openSafetensors } from '../../runtime/checkpoint/safetensors.ts'
import { bytesSource } from '../../runtime/checkpoint/source.ts'
import { readTensor } from '../../runtime/checkpoint/tensor.ts'

const port = (name: string, tensor: string, more: Partial<WeightPort> = {}): WeightPort => ({
  name,
  dtype: 'f32',
  shape: ['4', '3'],
  buffer: 0,
  pieces: [{ tensor, slices: [], transpose: false }],
  stacked: false,
  doc: '',
  ...more,
})

const PORTS = [
  port('layers.0.attention.q', 'model.layers.0.self_attn.q_proj.weight'),
  port('layers.0.attention.o', 'model.layers.0.self_attn.o_proj.weight'),
  port('layers.0.moe.experts.up', 'model.layers.0.mlp.experts.0.up_proj.weight', { stacked: true }),
  port('layers.0.fused', 'model.layers.0.qkv.weight', {
    pieces: [{ tensor: 'model.layers.0.qkv.weight', slices: [{ kind: 'range', start: 0, stop: 4, step: 1 }], transpose: false }],
  }),
]
const pair = (rank: number, fill: number) =>
  ({
    a: { shape: [rank, 3], data: new Float32Array(3 * rank).fill(fill) },
    b: { shape: [4, rank], data: new Float64Array(4 * rank).fill(-fill) },
  }) as const
const [q, o] = [pair(2, 0.5), pair(1, 0.25)]
const STATE = {
  'layers.0.attention.q.lora_a': q.a,
  'layers.0.attention.q.lora_b': q.b,
  'layers.0.attention.o.lora_a': o.a,
  'layers.0.attention.o.lora_b': o.b,
}
const ADAPTERS = [
  { weight: 'layers.0.attention.q', rank: 2, scale: 4 },
  { weight: 'layers.0.attention.o', rank: 1, scale: 3 },
]

async function bytesOf({ pieces, bytes }: NamedFile): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const piece of pieces) all.push(piece)
  expect(all.reduce((sum, { length }) => sum + length, 0)).toBe(bytes)
  return Buffer.concat(all)
}

test('each pair has the name of its linear layer, and the config its rank and alpha', async () => {
  const [config, weights] = peftFiles(ADAPTERS, PORTS, STATE, 'olmoe')
  const [Q, O] = ['q', 'o'].map((side) => `model.layers.0.self_attn.${side}_proj`)
  expect([config.name, weights.name]).toEqual(['adapter_config.json', 'adapter_model.safetensors'])
  expect(JSON.parse(new TextDecoder().decode(await bytesOf(config)))).toMatchObject({
    peft_type: 'LORA',
    base_model_name_or_path: 'olmoe',
    r: 2,
    lora_alpha: 8,
    rank_pattern: { [O]: 1 },
    alpha_pattern: { [O]: 3 },
    target_modules: [Q, O],
  })
  const file = await openSafetensors(bytesSource(await bytesOf(weights), 'adapter_model.safetensors'))
  expect([...file.tensors.keys()].sort()).toEqual(
    [Q, O].flatMap((layer) => ['A', 'B'].map((side) => `base_model.model.${layer}.lora_${side}.weight`)).sort(),
  )
  expect(await readTensor(file, `base_model.model.${Q}.lora_A.weight`)).toEqual(q.a)
  expect(await readTensor(file, `base_model.model.${O}.lora_B.weight`)).toEqual({
    shape: [4, 1],
    data: Float32Array.from(o.b.data),
  })
})

describe('refused with what to do', () => {
  test.each([
    ['experts', 'layers.0.moe.experts.up', 'model.layers.0.mlp.experts.0.up_proj.weight is a part of a larger parameter'],
    ['a part of a tensor', 'layers.0.fused', 'model.layers.0.qkv.weight is a part of a larger parameter'],
    ['another model', 'head', 'the checkpoint does not have it'],
  ])('%s', (_, weight, words) => {
    expect(() => peftFiles([{ weight, rank: 1, scale: 1 }], PORTS, STATE, 'olmoe')).toThrow(words)
  })

  test('a run without pairs', () => {
    expect(() => peftFiles([], PORTS, STATE, 'olmoe')).toThrow('the run has no low-rank pairs')
  })
})
