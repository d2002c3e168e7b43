/** `smoe inspect`, alone and beside another checkpoint. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { InspectReport } from '../../cli/inspect/report.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { root } from '../support/sources.ts'
import { place } from '../cli/harness.ts'

const folderOf = (name: string): string => join(root, 'test/fixtures', name)
const MIXTRAL = folderOf('checkpoints/mixtral')
const tokens = (name: string): readonly string[] => [
  ...['--tokens', `${join(folderOf(name), 'reference.safetensors')}:input_ids`],
  ...['--device', 'cpu'],
]

async function inspected(name: string, ...args: readonly string[]): Promise<InspectReport> {
  const { code, out, err } = await place().smoe('inspect', folderOf(name), '--format', 'json', ...args)
  expect(code, err).toBe(0)
  return JSON.parse(out) as InspectReport
}

describe('weights', () => {
  test('of a file with a tensor for each expert are those of the file', async () => {
    const { layers } = await inspected('checkpoints/mixtral')
    const file = readSafetensors(join(MIXTRAL, 'model.safetensors'))
    expect(layers.map(({ layer, experts }) => [layer, experts])).toEqual([
      ['layers.0.moe', 8],
      ['layers.1.moe', 8],
    ])
    for (const [at, { norms, similarity, spectra }] of layers.entries()) {
      const expert = (e: number): readonly number[] =>
        ['w1', 'w2', 'w3'].flatMap((w) => [...file[`model.layers.${at}.block_sparse_moe.experts.${e}.${w}.weight`].values])
      const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, value, i) => sum + value * b[i], 0)
      const all = Array.from({ length: 8 }, (_, e) => expert(e))
      all.forEach((one, e) => expect(norms[e]).toBeCloseTo(Math.sqrt(dot(one, one)), 10))
      const wanted = all.flatMap((one, i) => all.slice(0, i).map((other, j) => dot(one, other) / norms[i] / norms[j]))
      similarity.cosines.forEach((cosine, pair) => expect(cosine).toBeCloseTo(wanted[pair], 12))
      expect(spectra.map(({ expert: e, weight }) => [e, weight.split('.').at(-1)])).toEqual(
        [0, 4].flatMap((e) => ['gate', 'up', 'down'].map((matrix) => [e, matrix])),
      )
    }
  })

  test('are the same in the layouts of a checkpoint', async () => {
    const folder = folderOf('architectures/qwen3_moe')
    const fused = place({
      'fused/config.json': readFileSync(join(folder, 'config.json')),
      'fused/model.safetensors': readFileSync(join(folder, 'fused.safetensors')),
    })
    const hub = await inspected('architectures/qwen3_moe')
    const { out } = await fused.smoe('inspect', 'fused', '--format', 'json')
    expect((JSON.parse(out) as InspectReport).layers).toEqual(hub.layers)
  })

  test('with codes are what the codes mean', async () => {
    const { layers } = await inspected('codes/qwen3_moe_uint4', '--spectra', '0')
    expect(layers.every(({ norms, spectra }) => norms.every((norm) => norm > 0) && spectra.length === 0)).toBe(true)
  })
})

describe('beside another', () => {
  test('a checkpoint differs from itself in nothing, on tokens too', async () => {
    const name = 'architectures/granitemoe'
    const { layers, tokens: on } = await inspected(name, '--with', folderOf(name), ...tokens(name))
    expect(on!.count).toBe(layers[0].tokens!.tokens)
    for (const { difference, tokens: own } of layers) {
      expect(own!.load.reduce((sum, count) => sum + count, 0) + own!.dropped).toBe(2 * on!.count)
      expect(Math.abs(own!.outputSimilarity!)).toBeLessThan(1)
      expect(difference!.tokens).toEqual(own)
      expect(difference!.change).toEqual({ set: 0, top1: 0 })
      expect(difference!.experts.every((value) => value === 0)).toBe(true)
    }
  })

  test('a layer with other experts is not compared, and a note says so', async () => {
    const { code, out, err } = await place().smoe('inspect', MIXTRAL, '--with', folderOf('checkpoints/mixtral-window'))
    expect(code).toBe(0)
    expect(err).toContain('note: layers.0.moe of mixtral has 6 experts, not 8: it is not compared')
    expect(out).not.toContain('against')
  })
})

test('a dense model has no experts, and numbers of experts by layer are no obstacle', async () => {
  const there = place({ 'own.json': '{"layers.0.moe": 3}' })
  const dense = await there.smoe('inspect', folderOf('checkpoints/llama'))
  expect(dense.out).toMatch(/is dense: it has no routed layers/)
  const smaller = ['--by', 'aimer', '--per-layer', 'own.json', '--to', 'spec', '-o', 'out']
  expect((await there.smoe('prune', folderOf('architectures/granitemoe'), ...smaller)).code).toBe(0)
  const { out, err } = await there.smoe('inspect', 'out/granitemoe.smoe', '--weights', 'out')
  expect(out, err).toMatch(/^layers\.0\.moe +3 .*\nlayers\.1\.moe +4 /m)
})

test.each([
  [['x.gguf'], 'a GGUF file is neither a folder nor a spec'],
  [[MIXTRAL, '--spectra', 'x'], "'x' is not a number of experts"],
  [[MIXTRAL, '--with-weights', 'x'], '--with-weights are those of the checkpoint of --with'],
])('%j is refused', async (args, message) => {
  const { code, err } = await place().smoe('inspect', ...args)
  expect(err).toContain(message)
  expect(code).toBe(2)
})
