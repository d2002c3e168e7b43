import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { PlanReport } from '../../cli/plan/report.ts'
import { root } from '../support/sources.ts'
import { LAYER, place } from './harness.ts'

const config = readFileSync(join(root, 'test/fixtures/checkpoints/mixtral/config.json'))

const there = () => place({ 'model/config.json': config, 'layer.smoe': LAYER })

async function planned(...args: readonly string[]): Promise<PlanReport> {
  const { code, out, err } = await there().smoe('plan', ...args, '--device', 'cpu', '--threads', '2', '--format', 'json')
  expect(code, err).toBe(0)
  return JSON.parse(out) as PlanReport
}

test('parameters and operations of a checkpoint are those of its shape, and nothing of it is read but the config', async () => {
  const report = await planned('model', '--context', '64')
  const [D, F, V, kv] = [32, 48, 64, 16]
  const attention = 2 * D * D + 2 * D * kv
  const layer = (experts: number): number => attention + 8 * D + 2 * D + experts * 3 * D * F
  expect(report.parameters).toEqual({ all: 2 * V * D + D + 2 * layer(8), active: 2 * V * D + D + 2 * layer(2) })
  // a multiply-add is two; causal attention looks at 32.5 of 64 positions in the mean, twice
  expect(report.flopsPerToken.matmuls).toBe(2 * (V * D + 2 * (attention + 8 * D + 2 * 3 * D * F + 2 * 32.5 * D)))
  expect(report).toMatchObject({ model: 'mixtral', tokens: 64, context: 64, misfits: [] })
})

test('weights are planned for in the format that they are stored in', async () => {
  const [whole, half] = [await planned('model'), await planned('model', '--weights-as', 'bf16')]
  expect(Object.keys(half.memory!.weights).sort()).toEqual(['bf16'])
  const sum = ({ memory }: PlanReport): number => Object.values(memory!.weights).reduce((all, one) => all + one, 0)
  expect(sum(half)).toBeLessThan(0.6 * sum(whole))
})

test('scratch memory grows with the tokens, weights do not', async () => {
  const [short, long] = [await planned('model', '--context', '32'), await planned('model', '--tokens', '128', '--context', '32')]
  expect(long.memory!.weights).toEqual(short.memory!.weights)
  expect(long.memory!.scratch).toBeGreaterThan(2 * short.memory!.scratch)
  expect(long.memory!.outputs).toBe(4 * short.memory!.outputs - 3 * 128)
})

test('what does not fit is named, with the context that would', async () => {
  const { misfits, memory } = await planned('model', '--context', '100000000')
  const [first, second] = misfits
  expect(first.what).toMatch(/^[\d.]+ [TG]iB are needed at the peak, and .+ are free$/)
  expect(second.what).toMatch(/^the buffer \w+ has .+, and one binding at most 4\.0 GiB$/)
  const fits = Number(/^a context of (\d+) tokens fits$/.exec(second.remedy)?.[1])
  expect((await planned('model', '--context', String(fits))).memory!.largestBinding.bytes).toBeLessThanOrEqual(2 ** 32 - 2 ** 20)
  expect((await planned('model', '--context', String(fits + 1))).memory!.largestBinding.bytes).toBeGreaterThan(2 ** 32 - 2 ** 20)
  expect(memory!.total).toBeGreaterThan(2 ** 36)
})

test('a spec of one layer has a table, with every part that is not empty', async () => {
  const { code, out } = await there().smoe('plan', 'layer.smoe', '--tokens', '16', '--device', 'cpu', '--threads', '2')
  expect(code).toBe(0)
  expect(out).toMatch(/^layer, 16 tokens in one sequence, on cpu, 2 threads\n/)
  expect(out).toMatch(/\nparameters +1,184 in all, 608 active for a token\n/)
  expect(out).toMatch(/\nweights, f32 +\S+ KiB +[\d,]+\n/)
  expect(out).toMatch(/\nit fits\n$/)
})

test('tokens that are no whole number of sequences, and batches of a model without one, are refused', async () => {
  const refused = async (...args: readonly string[]): Promise<string> => {
    const { code, err } = await there().smoe('plan', ...args, '--device', 'cpu')
    expect(code).toBe(2)
    return err
  }
  expect(await refused('model', '--tokens', '100', '--context', '64')).toContain(
    '100 tokens are no whole number of sequences of 64',
  )
  expect(await refused('layer.smoe', '--tokens', '128', '--context', '64')).toContain('the model takes one sequence at a time')
  expect(await refused('model', '--tokens', '0')).toContain("'0' is not a number of tokens")
})
