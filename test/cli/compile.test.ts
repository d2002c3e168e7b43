import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { checkPlan } from '../../plan/check.ts'
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
