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
  const report = await planned('model', '--tokens', '64')
  const [D, F, V, kv] = [32, 48, 64, 16]
  const attention = 2 * D * D + 2 * D * kv
  const layer = (experts: number): number => attention + 8 * D + 2 * D + experts * 3 * D * F
  expect(report.parameters).toEqual({ all: 2 * V * D + D + 2 * layer(8), active: 2 * V * D + D + 2 * layer(2) })
  // a multiply-add is two; causal attention looks at 32.5 of 64 positions in the mean, twice
  expect(report.flopsPerToken.matmuls).toBe(2 * (V * D + 2 * (attention + 8 * D + 2 * 3 * D * F + 2 * 32.5 * D)))
  expect(report).toMatchObject({ model: 'mixtral', tokens: 64, sequences: 1, context: null, misfits: [] })
})

test('weights are planned for in the format that they are stored in', async () => {
  const [whole, half] = [await planned('model'), await planned('model', '--weights-as', 'bf16')]
  expect(Object.keys(half.memory!.weights).sort()).toEqual(['bf16'])
  const sum = ({ memory }: PlanReport): number => Object.values(memory!.weights).reduce((all, one) => all + one, 0)
  expect(sum(half)).toBeLessThan(0.6 * sum(whole))
})

test('scratch memory grows with the tokens, weights do not', async () => {
  const [short, long] = [await planned('model', '--tokens', '32'), await planned('model', '--tokens', '128', '--sequences', '4')]
  expect(long.memory!.weights).toEqual(short.memory!.weights)
  expect(long.memory!.scratch).toBeGreaterThan(2 * short.memory!.scratch)
  expect(long.memory!.outputs).toBe(4 * short.memory!.outputs - 3 * 128)
})

test('what does not fit is named, with the context that would', async () => {
  const { misfits, memory } = await planned('model', '--tokens', '100000000')
  const [first, second] = misfits
  expect(first.what).toMatch(/^[\d.]+ [TG]iB are needed at the peak, and .+ are free$/)
  expect(second.what).toMatch(/^the buffer \w+ has .+, and one binding at most 4\.0 GiB$/)
  const fits = Number(/^a context of (\d+) tokens fits$/.exec(second.remedy)?.[1])
  expect((await planned('model', '--tokens', String(fits))).memory!.largestBinding.bytes).toBeLessThanOrEqual(2 ** 32 - 2 ** 20)
  expect((await planned('model', '--tokens', String(fits + 1))).memory!.largestBinding.bytes).toBeGreaterThan(2 ** 32 - 2 ** 20)
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
  expect(await refused('model', '--tokens', '100', '--sequences', '3')).toContain(
    '100 tokens are no whole number for each of 3 sequences',
  )
  expect(await refused('model', '--tokens', '100', '--context', '64')).toContain('longer than its context of 64')
  expect(await refused('layer.smoe', '--tokens', '128', '--sequences', '2')).toContain('the model takes one sequence at a time')
  expect(await refused('model', '--tokens', '0')).toContain("'0' is not a number of tokens")
})

test('with a context, what is kept of the sequences is counted beside the weights, as smoe generate allocates it', async () => {
  const report = await planned('model', '--context', '5000', '--sequences', '2')
  expect(report).toMatchObject({ tokens: 512, sequences: 2, context: 5000, misfits: [] })
  // keys and values of two layers, 16 numbers each
  expect(report.memory!.state).toMatchObject({ perToken: 2 * 2 * 16 * 4 })
  expect(report.memory!.state!.parts.map(({ name }) => name)).toEqual(
    [0, 1].flatMap((layer) => [0, 1].map((part) => `layers.${layer}/attention.${part}`)),
  )
  const { out } = await there().smoe('plan', 'model', '--context', '5000', '--device', 'cpu', '--threads', '2')
  expect(out).toMatch(/^mixtral, 256 tokens in one sequence with a context of 5,000, on cpu/)
  expect(out).toMatch(/\nstate +1\.2 MiB, 256 bytes a token of a sequence\n/)
  expect(out).toMatch(/\nstate, layers\.N\/attention\.1 .* 640,\d\d\d\n/)
})

test('a context for which there is no room is named with one that fits', async () => {
  const { misfits } = await planned('model', '--context', '40000000')
  const [, fits] = /^a context of (\d+) tokens fits$/.exec(misfits[0].remedy) ?? []
  expect(misfits[0].what).toMatch(/are needed at the peak, and .* are free$/)
  expect((await planned('model', '--context', fits)).misfits).toEqual([])
  expect(Number(fits)).toBeGreaterThan(1e6)
  const tooLarge = await planned('model', '--context', '1000000000')
  expect(tooLarge.memory).toBeNull()
  expect(tooLarge.misfits[0].what).toContain('positions of 1 sequences are kept in layers.0/attention, which takes more than')
})

test('a model that cannot keep its tokens is planned for whole texts, and so it is told', async () => {
  const talk = `import { attention } from "std/blocks/attention"
import { swiglu } from "std/experts/swiglu"
import { expert_choice } from "std/policies/expert_choice"
model talk(V: int = 11, D: int = 8) {
  input tokens: i32[B, S]
  param embed: f32[V, D]
  let h = take(embed, tokens)
  output logits = moe(attention(h, heads = 2)) {
    experts 4 of swiglu(F = 12)
    route expert_choice()
    require expert choice
  } @ embed.T
}
`
  const { code, out, err } = await place({ 'talk.smoe': talk }).smoe('plan', 'talk.smoe', '--context', '90', '--device', 'cpu')
  expect(code, err).toBe(0)
  expect(err).toContain('note: each token evaluates the whole text')
  expect(out).toMatch(/^talk, 90 tokens in one sequence, on cpu/)
})

test('a GGUF file is a checkpoint', async () => {
  const one = place({ 'llama.gguf': readFileSync(join(root, 'test/fixtures/gguf/llama_llama3.gguf')) })
  const { code, out, err } = await one.smoe('plan', 'llama.gguf', '--tokens', '16', '--device', 'cpu')
  expect(code, err).toBe(0)
  expect(out).toMatch(/^llama, 16 tokens in one sequence, on cpu/)
  for (const command of [['check'], ['explain', '--stage', 'graph'], ['compile', '-o', 'out'], ['run', '--device', 'cpu']]) {
    const told = await one.smoe(command[0], 'llama.gguf', ...command.slice(1))
    expect(told.code).toBe(2)
    expect(told.err).toContain("'llama.gguf' is a checkpoint, and a spec is expected")
  }
})
