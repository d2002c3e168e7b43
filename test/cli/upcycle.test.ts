/** `smoe upcycle`: the sparse model begins with the logits of the dense one. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { importFrom } from '../../cli/import/from.ts'
import { checkedModel } from '../../cli/import/weights.ts'
import { evaluateReference, readWeights } from '../../cli/run/reference.ts'
import { processTerminal } from '../../cli/terminal.ts'
import { lower } from '../../compiler/lower/lower.ts'
import { openCheckpoint } from '../../runtime/checkpoint/files.ts'
import { relativeError } from '../support/compare.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { inRun, MORE_IN_LONG } from '../support/runs.ts'
import { root } from '../support/sources.ts'
import { place, type Place } from './harness.ts'

const folderOf = (name: string): string => join(root, 'test/fixtures', name)
const terminal = { ...processTerminal(), out: () => {}, err: () => {} }

interface Report {
  readonly model_type: string | null
  readonly reason: string | null
  readonly scale: number
}

async function upcycled(there: Place, name: string, ...args: readonly string[]): Promise<Report> {
  const { code, out, err } = await there.smoe('upcycle', folderOf(name), '-o', 'out', '--format', 'json', ...args)
  expect(code, err).toBe(0)
  return JSON.parse(out) as Report
}

/** Logits in f64 of the model of a folder, or of the spec that is in it. */
async function logitsOf(folder: string, tokens: Int32Array): Promise<Float64Array> {
  const path = join(folder, 'model.smoe')
  const { name, spec } = existsSync(path)
    ? { name: 'model', spec: readFileSync(path, 'utf8') }
    : await importFrom(folder, {}, terminal)
  const graph = lower(checkedModel(name, spec, terminal))
  const checkpoint = await openCheckpoint(join(folder, 'model.safetensors'))
  const weights = await readWeights(graph, checkpoint)
  await checkpoint.close()
  return evaluateReference(graph, { tokens: { shape: [1, tokens.length], data: tokens } }, weights).logits.values as Float64Array
}

const tokens = Int32Array.from({ length: 5 }, (_, at) => (at * 7 + 3) % 40)

async function expectSameLogits(there: Place, name: string, accuracy = 1e-12): Promise<void> {
  const [dense, sparse] = [await logitsOf(folderOf(name), tokens), await logitsOf(join(there.folder, 'out'), tokens)]
  expect(relativeError(sparse, dense)).toBeLessThan(accuracy)
}

type TypeCase = readonly [name: string, type: string, scale: number, args: readonly string[]]

const TYPES: readonly TypeCase[] = [['checkpoints/llama', 'mixtral', 2, ['--experts', '8', '--k', '4', '--granularity', '2']]]
const MORE_TYPES: readonly TypeCase[] = [
  ['checkpoints/llama', 'mixtral', 1, ['--experts', '4', '--k', '2']],
  ['architectures/mistral', 'mixtral', 1, ['--experts', '3', '--k', '1', '--seed', '5']],
  ['architectures/qwen3', 'qwen3_moe', 4, ['--experts', '8', '--k', '4', '--granularity', '4']],
]

type PolicyCase = readonly [policy: string, scale: number, name: string]

const POLICIES: readonly PolicyCase[] = [['competition', 1, 'competition']]
const MORE_POLICIES: readonly PolicyCase[] = [
  ['selective_sinkhorn', 1, 'selective_sinkhorn'],
  ['spectral(renormalise = true, c = 4)', 1, 'spectral'],
  ['deepseek_v3(groups = 1, keep = 1)', 0.4, 'deepseek_v3'],
]

describe('logits are those of the dense model', MORE_IN_LONG, () => {
  test.each(inRun({ short: TYPES, long: MORE_TYPES, whole: MORE_TYPES }))(
    'of %s, as a %s with the factor %d',
    async (name, type, scale, args) => {
      const there = place()
      expect(await upcycled(there, name, ...args)).toMatchObject({ model_type: type, scale, reason: null })
      await expectSameLogits(there, name)
    },
  )

  test.each(inRun({ short: POLICIES, long: MORE_POLICIES, whole: MORE_POLICIES }))(
    'by %s, as a spec',
    async (policy, scale, name) => {
      const there = place()
      const report = await upcycled(there, 'checkpoints/llama', '--experts', '4', '--k', '2', '--policy', policy)
      expect(report).toMatchObject({ model_type: null, scale })
      expect(report.reason).toContain(`layers.{i}.moe routes by ${name}: no field of a config names the policy`)
      // a factor that is not a power of two rounds the matrices
      await expectSameLogits(there, 'checkpoints/llama', scale === 1 ? 1e-12 : 1e-6)
    },
  )

  test('of an architecture that has none with experts, as a spec', async () => {
    const there = place()
    const report = await upcycled(there, 'architectures/qwen2', '--experts', '4', '--k', '2')
    expect(report.reason).toBe("no architecture of the table is 'qwen2' with experts")
    await expectSameLogits(there, 'architectures/qwen2')
  })
})

test('the page has what the command prints', async () => {
  const options = ['--experts', '8', '--k', '4', '--granularity', '2']
  const { out } = await place().smoe('upcycle', folderOf('checkpoints/llama'), ...options, '-o', 'sparse')
  const page = readFileSync(join(root, 'docs/upcycle.md'), 'utf8').replaceAll(/\s+/g, ' ')
  for (const line of out.trimEnd().split('\n')) expect(page).toContain(line)
})

test('experts are parts of the network, routers random by a seed, and noise makes experts differ', async () => {
  const experts = ['--experts', '4', '--k', '2', '--granularity', '2']
  const [one, again, other, noisy] = [place(), place(), place(), place()]
  await upcycled(one, 'checkpoints/llama', ...experts)
  await upcycled(again, 'checkpoints/llama', ...experts)
  await upcycled(other, 'checkpoints/llama', ...experts, '--seed', '1')
  await upcycled(noisy, 'checkpoints/llama', ...experts, '--noise', '0.01')
  const [a, b, c, d] = [one, again, other, noisy].map(({ folder }) => readSafetensors(join(folder, 'out/model.safetensors')))
  const gate = 'model.layers.0.block_sparse_moe.gate.weight'
  expect(b).toEqual(a)
  expect(c[gate].values).not.toEqual(a[gate].values)
  const rows = [0, 1, 2, 3].map((e) => [...a[gate].values.subarray(e * 32, (e + 1) * 32)])
  expect(rows[1]).toEqual(rows[0])
  expect(rows[3]).toEqual(rows[2])
  expect(rows[2]).not.toEqual(rows[0])
  const nameOf = (e: number, w: number): string => `model.layers.0.block_sparse_moe.experts.${e}.w${w}.weight`
  const dense = readSafetensors(join(folderOf('checkpoints/llama'), 'model.safetensors'))
  const up = dense['model.layers.0.mlp.up_proj.weight'].values
  const down = dense['model.layers.0.mlp.down_proj.weight'].values
  expect(a[nameOf(0, 3)].values).toEqual(up.subarray(0, up.length / 2))
  expect(a[nameOf(3, 3)].values).toEqual(up.subarray(up.length / 2))
  expect([...a[nameOf(1, 2)].values.subarray(0, 3)]).toEqual([24, 25, 26].map((at) => 2 * down[at]))
  const norms = [nameOf(0, 3), nameOf(2, 3)].map((name) => {
    const differences = d[name].values.map((value, at) => value - a[name].values[at])
    const energy = (values: Float64Array): number => values.reduce((sum, value) => sum + value * value, 0)
    return Math.sqrt(energy(differences as Float64Array) / energy(a[name].values as Float64Array))
  })
  norms.forEach((norm) => expect(Math.abs(norm / 0.01 - 1)).toBeLessThan(0.2))
  expect(d[nameOf(0, 3)].values).not.toEqual(d[nameOf(2, 3)].values)
})

test.each([
  ['checkpoints/llama', ['--experts', '4', '--k', '2', '--policy', 'sigmoid_top_k'], 'the weights of a token sum to'],
  [
    'checkpoints/llama',
    ['--experts', '4', '--k', '2', '--policy', 'top_k(renormalise = false)'],
    'the weights of a token sum to',
  ],
  ['checkpoints/llama', ['--experts', '4', '--k', '5'], '--k 5 is more than --experts 4'],
  ['checkpoints/llama', ['--experts', '6', '--k', '3', '--granularity', '2'], '--granularity 2 does not divide --k 3'],
  ['checkpoints/llama', ['--experts', '10', '--k', '5', '--granularity', '5'], 'networks are 48 wide'],
  ['checkpoints/llama', ['--experts', '4', '--k', '2', '--policy', 'top_q'], 'std/policies/top_q'],
  ['checkpoints/llama', ['--experts', '4', '--k', '2', '--policy', 'top_k(q = 3)'], 'q'],
  ['checkpoints/llama-tied', ['--experts', '4', '--k', '2'], 'has biases, which the expert'],
  ['checkpoints/mixtral', ['--experts', '4', '--k', '2'], 'has experts: a dense model is made sparse'],
])('%s with %j is refused', async (name, args, reason) => {
  const there = place()
  const { code, err } = await there.smoe('upcycle', folderOf(name), '-o', 'out', ...args)
  expect(code).not.toBe(0)
  expect(code).not.toBe(70)
  expect(err).toContain(reason)
  expect(existsSync(join(there.folder, 'out'))).toBe(false)
})
