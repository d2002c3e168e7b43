import { expect, test } from 'vitest'
import { layerFlops } from '../../cli/bench/layer.ts'
import { createRandom, normal } from '../../cli/random.ts'
import { place } from './harness.ts'
import { IN_LONG_ALONE } from '../support/runs.ts'

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

interface Pass {
  readonly best: number
  readonly low: number
  readonly median: number
  readonly high: number
  readonly scratch: number
  readonly kernels: readonly object[]
}

interface Measured {
  readonly device: string
  readonly forward: Pass
  readonly training: (Pass & { readonly toForward: { readonly median: number } }) | null
  readonly shareOfDense: number
}

interface Bench {
  readonly devices: readonly { readonly device: string; readonly adapter: string }[]
  readonly measurements: readonly {
    readonly devices: readonly Measured[]
    readonly comparisons: { readonly forward: object[] }
  }[]
}

const SIZES = ['--experts', '4', '--width', '16', '--hidden', '32', '--seconds', '0.05']

test('bench times a layer on a device, alone and with its gradients, and names it', async () => {
  const { code, out, err } = await place().smoe('bench', ...SIZES, '--device', 'cpu', '--tokens', '12')
  expect(code, err).toBe(0)
  expect(out).toMatch(
    /E=4 k=2 d=16 ff=32\ndevices, in turns:\n {2}cpu {2}cpu, \d+ threads?\nload: [\d.]+ before, [\d.]+ after\n\n T +device +ms best +median +half of the runs +GFLOP\/s +activations +runs +to forward\n12 +forward +cpu [\s\S]*and backward +cpu [\s\S]* x\n\nT = 12, forward: cpu takes [\d.]+ ms\nT = 12, and backward: cpu takes [\d.]+ ms\nT = 12, cpu: its grouped products reach \d+ % of the speed of a dense one\n[\s\S]*T = 12, forward and backward on cpu, by kernel/,
  )
  expect((await place().smoe('bench', ...SIZES, '--device', 'cpu', '--tokens', '1', '--no-backward')).out).not.toContain(
    'and backward',
  )
}, 60_000)

test(
  'bench lets several devices take turns, and says how many times as fast the first is',
  { ...IN_LONG_ALONE, timeout: 120_000 },
  async () => {
    const devices = ['--device', 'cpu,software', '--threads', '1']
    const { code, out, err } = await place().smoe('bench', ...SIZES, ...devices, '--tokens', '12', '--no-backward')
    expect(code, err).toBe(0)
    expect(err).toContain('on cpu, 1 thread: it was asked for')
    expect(out).toMatch(/T = 12, forward: cpu takes [\d.]+ ms: [\d.]+ times as fast as software \([\d.]+ to [\d.]+\)/)
    const { out: text } = await place().smoe('bench', ...SIZES, ...devices, '--tokens', '12,1', '--format', 'json')
    const json = JSON.parse(text) as Bench
    expect(json.devices).toMatchObject([{ device: 'cpu', adapter: 'cpu, 1 thread' }, { device: 'software' }])
    expect(json.measurements.map((size) => size.devices.map(({ forward }) => forward.kernels.length))).toEqual([
      [5, 5],
      [4, 4],
    ])
    for (const { devices: measured, comparisons } of json.measurements) {
      expect(comparisons.forward).toMatchObject([{ to: 'software' }])
      for (const { forward, training, shareOfDense } of measured) {
        expect(training!.scratch).toBeGreaterThan(forward.scratch)
        expect(training!.toForward.median).toBeGreaterThan(0)
        expect(shareOfDense).toBeGreaterThan(0)
        for (const { best, low, median, high } of [forward, training!])
          expect([best, low, median, high].toSorted((a, b) => a - b)).toEqual([best, low, median, high])
      }
    }
  },
)

test('bench times the training step of a spec', async () => {
  const spec = `model tiny(D: int = 8) {
  input x: f32[B, D]
  param w: f32[D, D] = normal(0.1)
  output y = x @ w.T
  train {
    input wanted: f32[B, D]
    loss miss = mean(mean((y - wanted) * (y - wanted)))
    optimiser adamw(rate = 1e-3)
    batch B = 4
    accumulate 2
    steps 3
  }
}
`
  const bench = (...more: readonly string[]) =>
    place({ 'tiny.smoe': spec }).smoe('bench', 'tiny.smoe', '--device', 'cpu', '--seconds', '0.05', ...more)
  const { code, out, err } = await bench()
  expect(code, err).toBe(0)
  expect(out).toMatch(
    /^a training step of tiny, f32: 2 micro-batches of B=4, and the update\ndevices, in turns:\n {2}cpu [\s\S]*\ncpu takes [\d.]+ ms\n$/,
  )
  const json = JSON.parse((await bench('--set', 'D=16', '--format', 'json')).out) as object
  expect(json).toMatchObject({ model: 'tiny', batch: { B: 4 }, accumulate: 2, devices: [{ device: 'cpu' }] })
}, 60_000)

test.each([
  [['--k', '0'], "'0' is not a positive whole number"],
  [['--device', 'cpu', '--k', '9'], 'k = 9 is not in 1..8'],
  [['--device', 'cpu,'], "'cpu,' has an empty name"],
  [['--device', 'cpu,software,cpu'], "'cpu,software,cpu' has cpu twice"],
  [['--device', 'software', '--fast'], "--fast is for the cpu device, and this is 'software'"],
  [['--set', 'D=8'], '--set is for the spec, and what is timed is the layer'],
  [['a.smoe', '--no-backward'], "--no-backward is for the layer, and what is timed is the spec's step"],
])('bench %j is refused', async (args, problem) => {
  const { code, err } = await place().smoe('bench', ...args)
  expect(err).toContain(problem)
  expect(code).toBe(2)
})

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
