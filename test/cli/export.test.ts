/** `smoe export --to hf`: what is written, and what is refused because no config says it. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { encodeSafetensors } from '../../runtime/checkpoint/encode.ts'
import { relativeError } from '../support/compare.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { root } from '../support/sources.ts'
import { IN_LONG_ALONE } from '../support/runs.ts'
import { place, type Place } from './harness.ts'

const fixtures = join(root, 'test/fixtures')
const checkpoint = (name: string): string => join(fixtures, 'checkpoints', name)
const text = (folder: string, name: string): string => readFileSync(join(folder, name), 'utf8')

/** The folder of a checkpoint of the tests, with other files beside it. */
const beside = (name: string, more: Readonly<Record<string, string | Uint8Array>> = {}): Place =>
  place({
    'm/config.json': text(checkpoint(name), 'config.json'),
    'm/model.safetensors': readFileSync(join(checkpoint(name), 'model.safetensors')),
    ...more,
  })

interface Report {
  readonly files: readonly { readonly name: string; readonly bytes: number }[]
  readonly config: readonly { readonly field: string; readonly from: unknown; readonly to: unknown }[]
  readonly copied: readonly string[]
  readonly verbatim: boolean
}

async function exported(there: Place, ...args: readonly string[]): Promise<Report> {
  const { code, out, err } = await there.smoe('export', '--to', 'hf', ...args, '-o', 'out', '--format', 'json')
  expect(code, err).toBe(0)
  return JSON.parse(out) as Report
}

describe('a folder', () => {
  test('is copied with its tokenizer, and its config as it is written', async () => {
    const there = beside('llama', {
      'm/tokenizer.json': '{"a": 1}',
      'm/generation_config.json': '{"temperature": 0.0}',
      'm/modeling_own.py': 'pass',
      'm/optimizer.pt': 'no',
    })
    const { files, copied, config, verbatim } = await exported(there, 'm')
    expect(copied).toEqual(['generation_config.json', 'modeling_own.py', 'tokenizer.json'])
    expect([config, verbatim]).toEqual([[], true])
    expect(readdirSync(join(there.folder, 'out')).sort()).toEqual(files.map(({ name }) => name).sort())
    for (const { name, bytes } of files) expect(readFileSync(join(there.folder, 'out', name)).length, name).toBe(bytes)
    expect(there.read('out/config.json')).toBe(there.read('m/config.json'))
    expect(there.read('out/tokenizer.json')).toBe('{"a": 1}')
  })

  test('that is there already is refused, and left as it is', async () => {
    const there = beside('llama', { 'out/mine.txt': 'mine' })
    const { code, err } = await there.smoe('export', '--to', 'hf', 'm', '-o', 'out')
    expect(code).toBe(2)
    expect(err).toContain("'out' is there already")
    expect(readdirSync(join(there.folder, 'out'))).toEqual(['mine.txt'])
  })

  test('in another dtype and in shards computes what run computes in that dtype', async () => {
    const there = beside('llama')
    const { files, config } = await exported(there, 'm', '--weights-as', 'bf16', '--shard-size', '20KB')
    expect(files.map(({ name }) => name)).toContain('model.safetensors.index.json')
    expect(config).toEqual([{ field: 'dtype', from: 'float32', to: 'bfloat16' }])
    const spec = await there.smoe('import', 'out', '-o', 'out.smoe')
    expect(spec.code, spec.err).toBe(0)
    const tokens = ['--in', `tokens=${join(checkpoint('llama'), 'reference.safetensors')}:input_ids`, '--device', 'reference']
    const one = await there.smoe('run', 'out.smoe', '--weights', 'm', '--weights-as', 'bf16', ...tokens, '--out', 'a.safetensors')
    const other = await there.smoe('run', 'out.smoe', '--weights', 'out', ...tokens, '--out', 'b.safetensors')
    expect([one.code, other.code], one.err + other.err).toEqual([0, 0])
    expect(readFileSync(join(there.folder, 'b.safetensors')).equals(readFileSync(join(there.folder, 'a.safetensors')))).toBe(true)
  })

  test('leaves nothing behind where a number does not fit', async () => {
    const tensors = readSafetensors(join(checkpoint('llama'), 'model.safetensors'))
    const data = Object.fromEntries(
      Object.entries(tensors).map(([name, { shape, values }]) => [name, { shape, data: Float32Array.from(values) }]),
    )
    data['lm_head.weight'].data[5] = 70_000
    const there = beside('llama', { 'm/model.safetensors': encodeSafetensors(data) })
    const { code, err } = await there.smoe('export', '--to', 'hf', 'm', '-o', 'out', '--weights-as', 'f16')
    expect(code).toBe(5)
    expect(err).toContain("'lm_head.weight' has the number 70000, which F16 does not hold")
    expect(readdirSync(there.folder)).toEqual(['m'])
  })

  test('with codes is copied with them, or becomes numbers with a config that says so', async () => {
    const from = join(fixtures, 'codes/gpt_oss')
    const there = place()
    await exported(there, from)
    const [one, other] = [join(there.folder, 'out'), from].map((folder) => readSafetensors(join(folder, 'model.safetensors')))
    expect(one).toEqual(other)
    const numbers = place()
    const { config } = await exported(numbers, from, '--weights-as', 'bf16')
    expect(config.map(({ field }) => field)).toEqual(['quantization_config'])
    expect(Object.keys(readSafetensors(join(numbers.folder, 'out/model.safetensors')))).toContain(
      'model.layers.0.mlp.experts.gate_up_proj',
    )
  })
})

describe('a GGUF file', () => {
  const logitsOf = async (name: string): Promise<void> => {
    const there = place()
    const file = join(fixtures, 'gguf', `${name}.gguf`)
    await exported(there, file, '--weights-as', 'f32')
    expect((await there.smoe('import', 'out', '-o', 'm.smoe')).code).toBe(0)
    const reference = join(fixtures, 'gguf', `${name}.safetensors`)
    const tokens = ['--in', `tokens=${reference}:input_ids`, '--device', 'reference', '--out', 'l.safetensors']
    const ran = await there.smoe('run', 'm.smoe', '--weights', 'out', ...tokens)
    expect(ran.code, ran.err).toBe(0)
    const { logits } = readSafetensors(join(there.folder, 'l.safetensors'))
    expect(relativeError(logits.values, readSafetensors(reference).logits.values)).toBeLessThanOrEqual(2e-5)
  }

  // heads of 8 channels: of 4, one order is the other read backwards too
  test('of the family of Llama has its rows in the order of the hub', () => logitsOf('llama_llama3'))
  test.each(['mixtral', 'granitemoeshared', 'qwen3_moe', 'gpt_oss_mxfp4', 'dbrx', 'exaone_moe'])(
    'of %s has the logits of transformers',
    { ...IN_LONG_ALONE, timeout: 60_000 },
    logitsOf,
  )

  test('with codes that no folder of the hub has is refused', async () => {
    const { code, err } = await place().smoe('export', '--to', 'hf', join(fixtures, 'gguf/gpt_oss_mxfp4.gguf'), '-o', 'out')
    expect(code).toBe(5)
    expect(err).toContain('is quantised (mxfp4_gguf)')
    expect(err).toContain('give --weights-as')
  })
})

describe('a spec', () => {
  const mixtral = async (change: (spec: string) => string): Promise<Place> => {
    const there = beside('mixtral-window')
    const { out } = await there.smoe('import', 'm')
    return place({ 'm/config.json': there.read('m/config.json')!, 'm.smoe': change(out) })
  }
  const refused = async (there: Place, ...more: readonly string[]): Promise<string> => {
    const { code, err } = await there.smoe('export', '--to', 'hf', 'm.smoe', '--weights', 'm', '-o', 'out', ...more)
    expect(code).toBe(2)
    expect(readdirSync(there.folder)).not.toContain('out')
    return err
  }

  test('that is the imported one is the checkpoint', async () => {
    const there = beside('llama')
    expect((await there.smoe('import', 'm', '-o', 'm.smoe')).code).toBe(0)
    const { verbatim } = await exported(there, 'm.smoe', '--weights', 'm')
    expect(verbatim).toBe(true)
    expect(readSafetensors(join(there.folder, 'out/model.safetensors'))).toEqual(
      readSafetensors(join(there.folder, 'm/model.safetensors')),
    )
  })

  test('with another number puts it into the field of the config, as it is written there', async () => {
    const there = beside('llama')
    expect((await there.smoe('import', 'm', '-o', 'm.smoe')).code).toBe(0)
    const { config } = await exported(there, 'm.smoe', '--weights', 'm', '--set', 'eps=1.0')
    expect(config).toEqual([{ field: 'rms_norm_eps', from: 1e-6, to: 1 }])
    expect(there.read('out/config.json')).toContain('"rms_norm_eps": 1.0,')
  })

  test('that is routed otherwise is refused by the policy', async () => {
    const spectral = (spec: string): string =>
      spec
        .replace('import { top_k } from "std/policies/top_k"', 'import { spectral } from "std/policies/spectral"')
        .replace('route top_k(k = k)', 'route spectral(k = k, alpha = 0.5, c = 2)')
    expect(await refused(await mixtral(spectral))).toMatch(
      /layers\.\{i\}\.moe routes by spectral: no field of a config names the policy, and 'mixtral' .* always routes by top_k/,
    )
  })

  test('whose layers have their own numbers of experts is refused by the field', async () => {
    const own = (spec: string): string => spec.replace('experts E of', 'experts (if i == 0 then E else E - 1) of')
    expect(await refused(await mixtral(own))).toContain(
      "layers have their own numbers of experts (layers.0.moe has 6, layers.1.moe has 5): 'num_local_experts' is one number for all layers",
    )
  })

  test('that computes something else, or has other weights, is refused with the place', async () => {
    expect(await refused(await mixtral((spec) => spec.replace('theta = ', 'theta = 2.0 * ')))).toMatch(
      /the spec computes \w+ in layers\.0\/attention where a 'mixtral' with these fields computes/,
    )
    expect(await refused(await mixtral((spec) => spec.replaceAll('attention_norm', 'other_norm')))).toContain(
      "the spec has weights that a 'mixtral' with these fields has not: layers.0.other_norm.weight",
    )
  })

  test('needs a config and weights', async () => {
    const there = await mixtral((spec) => spec)
    expect((await there.smoe('export', '--to', 'hf', 'm.smoe', '-o', 'out')).err).toContain('a spec has no weights of its own')
    const bare = place({ 'm.smoe': there.read('m.smoe')!, 'w/model.safetensors': 'x' })
    expect((await bare.smoe('export', '--to', 'hf', 'm.smoe', '--weights', 'w', '-o', 'out')).err).toContain(
      'there is no config.json beside the weights',
    )
  })
})
