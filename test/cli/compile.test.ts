import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { checkPlan } from '../../plan/check.ts'
import type { Plan } from '../../plan/plan.ts'
import { LAYER, place } from './harness.ts'

test('writes the plan, a file a kernel, and the bindings, and lists them', async () => {
  const there = place({ 'layer.smoe': LAYER })
  const { code, out, err } = await there.smoe('compile', 'layer.smoe', '-o', 'out', '--set', 'D=16')
  expect(code, err).toBe(0)
  const { plan, problems } = checkPlan(JSON.parse(there.read('out/plan.json') ?? ''))
  expect(problems).toEqual([])
  expect(plan?.inputs).toMatchObject([{ name: 'x', dtype: 'f32', shape: ['T', '16'] }])
  const files = readdirSync(`${there.folder}/out`)
    .map((name) => `out/${name}`)
    .sort()
  expect(out.trimEnd().split('\n').sort()).toEqual(files)
  expect(files.filter((name) => name.endsWith('.wgsl'))).toHaveLength(plan?.kernels.length ?? -1)
  expect(there.read('out/layer.ts')).toContain('export class Layer {')
}, 60_000)

test('the bindings of a model that says how it learns train it', async () => {
  const train = '  train {\n    loss size = mean(mean(y * y))\n    optimiser sgd(rate = 0.1)\n    batch T = 4\n  }\n}\n'
  const there = place({ 'layer.smoe': LAYER, 'learns.smoe': LAYER.replace(/\}\s*$/, train) })
  for (const name of ['layer', 'learns'])
    expect((await there.smoe('compile', `${name}.smoe`, '-o', name)).err).toMatch(/^layer: /)
  expect(there.read('layer/layer.ts')).not.toContain('Training')
  expect(there.read('learns/layer.ts')).toContain('export class LayerTraining {')
  expect(there.read('learns/layer.ts')).toContain("reported: ['loss.size'],")
}, 60_000)

const TALK = `import { swiglu } from "std/experts/swiglu"
import { attention } from "std/blocks/attention"
import { top_k } from "std/policies/top_k"

model talk(V: int = 11, D: int = 8) {
  input tokens: i32[B, S]
  param embed: f32[V, D]
  var h = take(embed, tokens)
  h = h + attention(h, heads = 2)
  h = h + moe(h) {
    experts 4 of swiglu(F = 12)
    route top_k(k = 2)
  }
  output logits: f32[B, S, V] = h @ embed.T
}
`

test('with a context the plan continues a text, and what cannot is told', async () => {
  const whole = TALK.replace('{ top_k } from "std/policies/top_k"', '{ expert_choice } from "std/policies/expert_choice"')
  const there = place({
    'talk.smoe': TALK,
    'choice.smoe': whole.replace('top_k(k = 2)', 'expert_choice()\n    require expert choice'),
  })
  const compiled = async (
    ...args: readonly string[]
  ): Promise<{ readonly err: string; readonly plan: Plan; readonly typed: string }> => {
    const { code, err } = await there.smoe('compile', ...args, '-o', 'out', '--target', 'cpu')
    expect(code, err).toBe(0)
    return { err, plan: JSON.parse(there.read('out/plan.json')!) as Plan, typed: there.read('out/talk.ts')! }
  }
  const one = await compiled('talk.smoe', '--context', '20')
  expect(one.plan.state).toEqual({ sequences: 1, longest: 20, rewinds: true })
  expect(one.plan.outputs[0].shape).toEqual(['1', '1', '11'])
  expect(one.typed).toContain('20 tokens of prompt and answer are kept at most')
  const several = await compiled('talk.smoe', '--context', '20', '--sequences', '3')
  expect(several.plan.state).toEqual({ sequences: 3, longest: 20, rewinds: true })
  expect(several.plan.outputs[0].shape).toEqual(['3', 'S', '11'])
  expect(several.typed).not.toContain('generate(')
  const choice = await compiled('choice.smoe', '--context', '20')
  expect(choice.err).toMatch(/^note: each token evaluates the whole text: /m)
  expect(choice.plan.state).toBeUndefined()
  expect(choice.typed).toContain('Each token evaluates the whole text')
  for (const [args, message] of [
    [['--sequences', '2'], '--sequences without --context'],
    [['--context', '0'], "'0' is not a number of tokens"],
  ] as const) {
    const { code, err } = await there.smoe('compile', 'talk.smoe', '-o', 'out', ...args)
    expect([code, err]).toEqual([2, expect.stringContaining(message)])
  }
}, 60_000)

test('the same spec gives the same files', async () => {
  const there = place({ 'layer.smoe': LAYER })
  await there.smoe('compile', 'layer.smoe', '-o', 'a')
  await there.smoe('compile', 'layer.smoe', '-o', 'b')
  for (const name of readdirSync(`${there.folder}/a`)) expect(there.read(`b/${name}`)).toBe(there.read(`a/${name}`))
})

test('a spec with mistakes leaves nothing behind', async () => {
  const there = place({ 'layer.smoe': LAYER.replace('k = k', 'k = 9') })
  const { code, out, err } = await there.smoe('compile', 'layer.smoe', '-o', 'out')
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toMatch(/SMOE4001[\s\S]*smoe: 1 error/)
  expect(there.read('out/plan.json')).toBeNull()
})

test('a library is no model', async () => {
  const there = place({ 'library.smoe': 'fn twice(x: f32[...]) -> f32[...] {\n  return 2.0 * x\n}\n' })
  expect((await there.smoe('check', 'library.smoe')).code).toBe(0)
  const { code, err } = await there.smoe('compile', 'library.smoe', '-o', 'out')
  expect(code).toBe(2)
  expect(err).toContain("'library.smoe' declares no model")
})

test('a folder that cannot be made is a matter of usage', async () => {
  const there = place({ 'layer.smoe': LAYER, out: 'a file' })
  const { code, err } = await there.smoe('compile', 'layer.smoe', '-o', 'out')
  expect(code).toBe(2)
  expect(err).toContain("'out' cannot be written: it is not a directory")
})

test('a list for programs', async () => {
  const there = place({ 'layer.smoe': LAYER })
  const { code, out } = await there.smoe('compile', 'layer.smoe', '-o', 'out', '--format', 'json')
  expect(code).toBe(0)
  expect((JSON.parse(out) as readonly string[]).toSorted()).toEqual(
    readdirSync(`${there.folder}/out`)
      .map((name) => `out/${name}`)
      .sort(),
  )
})
