/** `--without-expert`: on a loaded model, by eval, generate and run; on the cpu device as in the reference. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { EvalReport } from '../../cli/eval/report.ts'
import { encodeSafetensors } from '../../runtime/checkpoint/encode.ts'
import { root } from '../support/sources.ts'
import { place } from './harness.ts'

const fixture = (name: string): Buffer => readFileSync(join(root, 'test/fixtures/checkpoints/mixtral', name))
const ids = { shape: [2, 20], data: Int32Array.from({ length: 40 }, (_, at) => (at * 7) % 64) }
const one = { shape: [5], data: Int32Array.from([5, 8, 13, 21, 34]) }

const there = () =>
  place({
    'mixtral/config.json': fixture('config.json'),
    'mixtral/model.safetensors': fixture('model.safetensors'),
    'ids.safetensors': encodeSafetensors({ ids, one }),
  })

const MASKED = ['--without-expert', '0:3', '--without-expert', 'layers.1/moe:5', '--without-expert', '1:2']

test('eval measures the effect beside the model as it is, on the cpu device as in the reference', async () => {
  const { smoe } = there()
  const measured = async (...args: readonly string[]): Promise<EvalReport> => {
    const { code, out, err } = await smoe('eval', 'mixtral', '--tokens', 'ids.safetensors:ids', ...args, '--format', 'json')
    expect(code, err).toBe(0)
    return JSON.parse(out) as EvalReport
  }
  const own = await measured('--device', 'cpu')
  const masked = await measured(...MASKED, '--to', 'mixtral', '--device', 'cpu')
  const reference = await measured(...MASKED, '--device', 'reference')
  expect(masked.perplexity).not.toBeCloseTo(own.perplexity, 3)
  expect(masked.other!.perplexity).toBe(own.perplexity)
  expect(masked.other!.agreement).toBeLessThan(1)
  expect(masked.loss).toBeCloseTo(reference.loss, 4)
})

test('generate and run select others', async () => {
  const { smoe, read } = there()
  const { code, out, err } = await smoe(
    ...['generate', 'mixtral', '--tokens', 'ids.safetensors:one', '--max-tokens', '8', '--show-routing', '--format', 'json'],
    ...[...MASKED, '--device', 'cpu'],
  )
  expect(code, err).toBe(0)
  const { routing } = JSON.parse(out) as { readonly routing: readonly Readonly<Record<string, readonly number[]>>[] }
  expect(routing).toHaveLength(8)
  for (const layers of routing) {
    expect(layers['layers.0/moe']).not.toContain(3)
    expect(layers['layers.1/moe']).not.toContain(5)
    expect(layers['layers.1/moe']).not.toContain(2)
  }
  await smoe('import', 'mixtral', '-o', 'mixtral.smoe')
  const args = ['run', 'mixtral.smoe', '--weights', 'mixtral', '--in', 'tokens=ids.safetensors:ids', '--device', 'cpu']
  expect((await smoe(...args, '--routing', 'report.json', ...MASKED)).code).toBe(0)
  const { layers } = JSON.parse(read('report.json')!) as { readonly layers: readonly { readonly load: readonly number[] }[] }
  expect([layers[0].load[3], layers[1].load[5], layers[1].load[2]]).toEqual([0, 0, 0])
})

test.each([
  [['--without-expert', '3'], 2, "'3' is not an expert of a layer"],
  [['--without-expert', '7:1'], 2, 'there is no routed layer 7'],
  [['--without-expert', '0:8'], 1, 'layers.0/moe has no expert 8: it has 8, counted from 0'],
  [[0, 1, 2, 3, 4, 5, 6].flatMap((expert) => ['--without-expert', `0:${expert}`]), 1, 'but the policy selects 2'],
])('%j is refused', async (args, code, message) => {
  const told = await there().smoe('generate', 'mixtral', '--tokens', 'ids.safetensors:one', ...args, '--device', 'cpu')
  expect(told.err).toContain(message)
  expect(told.code).toBe(code)
})
