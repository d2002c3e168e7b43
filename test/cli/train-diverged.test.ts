/** Runs whose numbers are not finite any more: the message says what may help, which is another thing where f16 is to blame. */
import { describe, expect, it } from 'vitest'
import { divergedHelp } from '../../cli/training/diverged.ts'
import { DivergedError } from '../../training/errors.ts'
import { encodeSafetensors } from '../../runtime/checkpoint/encode.ts'
import { place } from './harness.ts'

/** Two products; what the first gives exceeds f16 by far, and f32 holds it. */
const SPEC = `model m(D: int = 8, rate: real = 0.001) {
  input x: f32[B, D]
  param a: f32[D, D] = normal(1000.0)
  param b: f32[D, D] = normal(0.000001)
  output y: f32[B, D] = x @ a.T @ b.T
  train {
    input target: f32[B, D]
    loss mse = mean(mean((y - target) * (y - target)))
    optimiser sgd(rate = rate)
    batch B = 4
    steps 2
    seed 1
  }
}
`
const tensor = { shape: [8, 8], data: Float32Array.from({ length: 64 }, (_, at) => 100 + (at % 7)) }
const run = (...args: readonly string[]) =>
  place({ 'm.smoe': SPEC, 'd.safetensors': encodeSafetensors({ x: tensor, target: tensor }) }).smoe(
    'train',
    'm.smoe',
    '--data',
    'd.safetensors',
    '--split',
    '0',
    '--device',
    'reference',
    ...args,
  )

describe('a forward pass that exceeds f16', () => {
  it('in mixed precision names the loss, the limit and what keeps values below it', async () => {
    const { code, err } = await run('--precision', 'mixed')
    expect(code, err).toBe(4)
    expect(err).toMatch(/step 1: loss\.mse is (NaN|Infinity)/)
    for (const words of ['65504', 'smaller initial weights or a smaller learning rate', 'rms_norm', '--precision f32'])
      expect(err).toContain(words)
  })

  it('in f32 is none', async () => {
    const { code, err } = await run('--steps', '1')
    expect(code, err).toBe(0)
  })
})

it('a run in f32 that diverges is not told of f16', async () => {
  const { code, err } = await run('--set', 'rate=1e30')
  expect(code, err).toBe(4)
  expect(err).toContain('a smaller learning rate, a longer warm-up or clipping may help')
  expect(err).not.toContain('f16')
})

it('gradients that exceed f16 at every scale are told apart', () => {
  const help = divergedHelp(new DivergedError(3, 'the norm of the gradients', NaN, 'backward'), 'mixed')
  expect(help).toContain('gradients exceed f16')
  expect(help).toContain('--precision f32')
})
