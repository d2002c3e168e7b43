import { expect, test } from 'vitest'
import { opChanges } from '../../cli/explain/passes.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import { parse } from '../../compiler/graph/parse.ts'
import { createBuilder } from '../../compiler/ops/build.ts'
import { LAYER, place } from './harness.ts'

const parseGraph = (text: string): Graph => parse(text, createBuilder().make)

const explain = async (...args: readonly string[]): Promise<string> => {
  const { code, out, err } = await place({ 'layer.smoe': LAYER }).smoe('explain', 'layer.smoe', ...args)
  expect(code, err).toBe(0)
  return out
}

test('ast: one node a line, with its place', async () => {
  const out = await explain('--stage', 'ast')
  expect(out).toContain('- declaration declares="model" name=layer')
  expect(out).toMatch(/- output name=y @7:3/)
})

test('ast: there whatever is wrong with the spec', async () => {
  const { code, out } = await place({ 'broken.smoe': 'model m( {' }).smoe('explain', 'broken.smoe', '--stage', 'ast')
  expect(code).toBe(0)
  expect(out).toContain('name=m')
})

test('model: names, types and where the weights lie', async () => {
  const out = await explain('--stage', 'model')
  expect(out).toContain('input x: f32[T, D]')
  expect(out).toContain('output y: f32[T, D] = moe(x)')
  expect(out).toContain('moe.experts.gate: f32[F, D], one for each of E from its own name')
})

test('graph: text that parses back', async () => {
  const out = await explain('--stage', 'graph')
  expect(out).toMatch(/^graph "layer"/)
  expect(() => parseGraph(out)).not.toThrow()
})

test('passes: what each changed, and why it stands there', async () => {
  const out = await explain('--stage', 'passes')
  expect(out).toMatch(/expert-sorting: .*expert_histogram 0 -> 1/)
  expect(out).toMatch(/expert-sorting: .*\n {4}fired: sort-rows-by-expert 3/)
  expect(out).toMatch(/algebraic-simplification: .*\n {4}fired: .*[a-z-]+ \d+/)
  expect(out).toMatch(/program decode[\s\S]*program prefill/)
})

test('opChanges counts ops that came and went', () => {
  const graph = (op: string): Graph =>
    parseGraph(`graph "g"\ndim T\n%0 = input name "x" : f32[T]\n%1 = ${op}(%0) : f32[T]\noutput "y" = %1\n`)
  expect(opChanges(graph('exp'), graph('log'))).toEqual(['exp 1 -> 0', 'log 0 -> 1'])
  expect(opChanges(graph('exp'), graph('exp'))).toEqual([])
})

test('kernels: at most 5 dispatches a routed layer for many tokens, 4 for one, each with its reason', async () => {
  const many = JSON.parse(await explain('--stage', 'kernels', '--tokens', '256', '--format', 'json')) as readonly {
    readonly steps: readonly { readonly reason: string }[]
  }[]
  const one = JSON.parse(await explain('--stage', 'kernels', '--tokens', '1', '--format', 'json')) as typeof many
  expect(many.map(({ steps }) => steps.length)).toEqual([5])
  expect(one.map(({ steps }) => steps.length)).toEqual([4])
  for (const { reason } of [...many, ...one].flatMap(({ steps }) => steps)) expect(reason).not.toBe('')
  expect(await explain('--stage', 'kernels', '--tokens', '256')).toMatch(
    /^program prefill .*5 dispatches[\s\S]*not matmul_[\s\S]*not fused with grouped_matmul: grouped_matmul reads all of multiply, which must be complete before\n/,
  )
})

test('plan: its printed form, and as JSON the plan itself', async () => {
  expect(await explain('--stage', 'plan')).toContain('layer')
  expect(JSON.parse(await explain('--stage', 'plan', '--format', 'json'))).toMatchObject({ model: 'layer', version: 1 })
})

test('route: words and formulas, step by step', async () => {
  expect(await explain('--stage', 'route')).toBe(`moe: E = 4 experts of swiglu(F = F), routed by top_k
  Top-k softmax routing: the k most probable experts are selected; the output is their sum weighted by their
  probabilities. Shazeer et al., 2017. Ties go to the lower index. With \`renormalise\` the weights of a token sum to
  \`scale\`, as in Mixtral (Jiang et al., 2024); without it they are the probabilities themselves times \`scale\`, as in OLMoE
  (Muennighoff et al., 2024) and DeepSeek-V2 (DeepSeek-AI, 2024).
with
  k = 2 (in 1..E): experts per token
  renormalise = true: whether the weights of a token are divided by their norm
  power = 1 (in 1e-3..): which norm: the p-norm with this p, by default the sum; as in DBRX (Databricks, 2024)
  scale = 1 (in 0.0..): a factor on the weights
x: f32[T, D] are the tokens, a row each
   1. gate: f32[E, D] is a weight, moe.router.gate
   2. p: f32[T, E] = softmax(x @ gate.T)
   3. selected: i32[T, k]: each token chooses the k = 2 experts with the largest p; of equals the one with the lower index, NaN last
   4. w: f32[T, k] = pick(p, selected)
   5. normalised: f32[T, k] = w / sum(w, keep = true)
   6. each chosen expert's output is weighted by normalised
   7. y[t] = sum over the k = 2 chosen e of weight[t, e] * swiglu_e(x[t])
an expert, swiglu_e(x), with weights of its own for each e:
      gate: f32[F, D] is a weight, moe.experts.gate
      up: f32[F, D] is a weight, moe.experts.up
      down: f32[D, F] is a weight, moe.experts.down
      swiglu_e(x) = (silu(x @ gate.T) * (x @ up.T)) @ down.T
require dropless: every chosen expert is evaluated, whatever the load
`)
})

test('route: training tells what takes whose place', async () => {
  const { out } = await place().smoe('explain', `${process.cwd()}/examples/06-once-and-training.smoe`, '--stage', 'route')
  expect(out).toContain('once, when the weights are loaded: direction: f32[E, D] = gate * rsqrt(')
  expect(out).toMatch(/in training, in a share 0.1 of the steps, after the first 0.05 of the training, these take the place/)
})

test('train: how a model learns, layers of one kind in one row', async () => {
  const { out } = await place().smoe('explain', `${process.cwd()}/examples/11-train-a-small-model.smoe`, '--stage', 'train')
  expect(out).toContain(
    'characters trains with adamw(rate = 0.003, beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, decay = 0.1) for 500 steps, seed 1',
  )
  expect(out).toContain('targets: i32[8, 64], each from 0 to 64')
  expect(out).toMatch(/layers\.\*\.moe\.experts\.down +2 {2}f32\[8, 48, 48\] {2}normal, std 0\.07217 +1 +0\.1\n/)
  expect(out).toContain(
    'layers.1/moe: 8 experts; competes in a share 0.05 of the steps, after the first 0.05 of the run, with at most 3 layers in one step',
  )
})

test('train: a model that does not learn', async () => {
  const { code, err } = await place({ 'layer.smoe': LAYER }).smoe('explain', 'layer.smoe', '--stage', 'train')
  expect(code).toBe(2)
  expect(err).toContain('has no `train` block')
})
