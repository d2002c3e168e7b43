import { expect, test } from 'vitest'
import { layerFlops } from '../../cli/bench/layer.ts'
import { createRandom, normal } from '../../cli/random.ts'
import { place } from './harness.ts'

test('doctor tells what the cpu device has, every adapter and every way to one, in the order that auto takes', async () => {
  const { code, out } = await place().smoe('doctor')
  expect(code).toBe(0)
  expect(out).toMatch(/cpu, \d+ threads?\b.*\n {2}driver +WebAssembly in V8 .*\n {2}kernels +WebAssembly, SIMD of 4 numbers, /)
  expect(out).toMatch(/ {2}threads +\d+, over one memory\n {2}memory +.* free, 4\.?0? GiB of addresses/)
  expect(out).toMatch(/used by default[\s\S]*driver[\s\S]*workgroup[\s\S]*searched for adapters\n {2}drivers named in/)
  const json = JSON.parse((await place().smoe('doctor', '--format', 'json')).out) as {
    default: string
    cpu: { name: string; threads: number; simd: boolean }
    adapters: readonly { name: string; software: boolean }[]
    attempts: readonly object[]
  }
  expect(json.adapters.length).toBeGreaterThan(0)
  expect(json.attempts.length).toBeGreaterThan(0)
  expect(json.cpu).toMatchObject({ simd: true, name: expect.stringMatching(/^cpu, /) as string })
  const software = json.adapters.filter((adapter) => adapter.software)
  for (const { name } of software) expect(out.indexOf(name)).toBeGreaterThan(out.indexOf(json.cpu.name))
  if (software.length === json.adapters.length) expect(json.default).toBe(json.cpu.name)
}, 60_000)

interface Measured {
  readonly best: number
  readonly scratch: number
  readonly kernels: readonly object[]
  readonly training: { readonly best: number; readonly scratch: number; readonly toForward: number } | null
}

test('bench times a layer on an adapter, alone and with its gradients, and names it', async () => {
  const sizes = ['--device', 'software', '--experts', '4', '--width', '16', '--hidden', '32', '--seconds', '0.05']
  const { code, out, err } = await place().smoe('bench', ...sizes, '--tokens', '12')
  expect(code, err).toBe(0)
  expect(out).toMatch(
    /E=4 k=2 d=16 ff=32\nadapter: .+\n\n T +ms best +ms median +GFLOP\/s +activations +runs +to forward\n12 +forward [\s\S]*and backward [\s\S]*T = 12, forward and backward, by kernel/,
  )
  const json = JSON.parse((await place().smoe('bench', ...sizes, '--tokens', '12,1', '--format', 'json')).out) as {
    measurements: readonly Measured[]
  }
  expect(json.measurements.map(({ kernels }) => kernels.length)).toEqual([5, 4])
  for (const { best, scratch, training } of json.measurements) {
    expect(training!.scratch).toBeGreaterThan(scratch)
    expect(training!.best).toBeGreaterThan(best)
    expect(training!.toForward).toBeGreaterThan(1)
  }
  expect((await place().smoe('bench', ...sizes, '--tokens', '1', '--no-backward')).out).not.toContain('and backward')
  expect((await place().smoe('bench', '--k', '0')).code).toBe(2)
  expect((await place().smoe('bench', '--device', 'software', '--k', '9')).err).toContain('k = 9 is not in 1..8')
}, 240_000)

test('the work of a layer is three matrices, k experts a token', () => {
  expect(layerFlops({ experts: 8, k: 2, width: 512, hidden: 1024 }, 256)).toBe(1_610_612_736)
})

test('random numbers come from their seed, and are what they are said to be', () => {
  const [a, b] = [createRandom(5), createRandom(5)]
  const values = Array.from({ length: 20_000 }, a)
  expect(values.slice(0, 5)).toEqual(Array.from({ length: 5 }, b))
  expect(Math.min(...values)).toBeGreaterThanOrEqual(0)
  expect(Math.max(...values)).toBeLessThan(1)
  const draws = Array.from({ length: 20_000 }, () => normal(a, 2))
  const mean = draws.reduce((sum, value) => sum + value, 0) / draws.length
  const variance = draws.reduce((sum, value) => sum + (value - mean) ** 2, 0) / draws.length
  expect(Math.abs(mean)).toBeLessThan(0.06)
  expect(variance).toBeGreaterThan(3.8)
  expect(variance).toBeLessThan(4.2)
})
