/** `--weights-as`: what weights are stored as, in a run and in a plan. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Plan } from '../../plan/plan.ts'
import { encodeSafetensors, headerBytes } from '../../runtime/checkpoint/encode.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { randomStored } from '../support/stored-weights.ts'
import { place, type Outcome, type Place } from './harness.ts'

const SPEC = `model m(V: int = 5, D: int = 7) {
  input tokens: i32[T]
  param embed: f32[V, D]
  param scale: f32[D]
  output y: f32[T, V] = (take(embed, tokens) * scale) @ embed.T
}
`

function there(): Place {
  const tensors = { embed: randomStored('bf16', [5, 7], 1), scale: randomStored('f16', [7], 2) }
  const infos = Object.entries(tensors).map(([name, { format, shape, bytes }]) => ({
    name,
    dtype: format === 'bf16' ? ('BF16' as const) : ('F16' as const),
    shape,
    bytes: bytes.length,
  }))
  return place({
    'm.smoe': SPEC,
    'w.safetensors': Buffer.concat([headerBytes(infos), ...Object.values(tensors).map(({ bytes }) => bytes)]),
    'ids.safetensors': encodeSafetensors({ tokens: { shape: [3], data: Int32Array.of(4, 0, 2) } }),
  })
}

const run = async ({ smoe, folder }: Place, ...args: readonly string[]): Promise<Outcome & { readonly y: unknown }> => {
  const outcome = await smoe(
    'run',
    'm.smoe',
    '--weights',
    'w.safetensors',
    '--in',
    'tokens=ids.safetensors',
    '--out',
    'y',
    ...args,
  )
  expect(outcome.err).not.toContain('error')
  return { ...outcome, y: readSafetensors(join(folder, 'y')).y }
}

it('a run holds weights as the checkpoint has them, and has the numbers of f32', async () => {
  const one = there()
  const shipped = await run(one, '--device', 'cpu')
  expect(shipped.err).toContain('(70 B as bf16, 14 B as f16)')
  const wide = await run(one, '--device', 'cpu', '--weights-as', 'f32')
  expect(wide.err).not.toContain(' as f32')
  expect(wide.y).toEqual(shipped.y)
})

it('weights that are converted are so on the reference too', async () => {
  const one = there()
  const converted = await run(one, '--device', 'cpu', '--weights-as', 'bf16')
  expect(converted.err).toContain('(84 B as bf16)')
  const exact = await run(one, '--device', 'reference', '--weights-as', 'bf16', '--out', 'exact')
  expect(exact.code).toBe(0)
  const compared = await run(one, '--device', 'cpu', '--weights-as', 'bf16', '--compare', 'exact', '--tolerance', '1e-6')
  expect(compared.code).toBe(0)
})

it('a plan says how each weight lies', async () => {
  const one = there()
  expect((await one.smoe('compile', 'm.smoe', '--target', 'cpu', '--weights', 'w.safetensors', '-o', 'out')).code).toBe(0)
  const { weights } = JSON.parse(readFileSync(join(one.folder, 'out', 'plan.json'), 'utf8')) as Plan
  expect(weights.map(({ name, storage }) => [name, storage])).toEqual([
    ['embed', { format: 'bf16' }],
    ['scale', { format: 'f16' }],
  ])
  const { out } = await one.smoe('explain', 'm.smoe', '--stage', 'plan', '--target', 'cpu', '--weights-as', 'f16')
  expect(out).toContain('embed: f32[5, 7] as f16 = "embed"')
})
