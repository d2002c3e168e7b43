/**
 * Large models compile in time that grows with their size alone; the limits here are generous, and a quadratic step exceeds them.
 *
 * @module-tag long
 */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { compile } from '../../compiler/compile.ts'
import { PORTABLE } from '../../plan/target.ts'
import type { Plan } from '../../plan/plan.ts'
import { framed } from '../support/check.ts'
import { load, root } from '../support/sources.ts'

const IMPORTS = 'import { swiglu } from "std/experts/swiglu"\nimport { top_k } from "std/policies/top_k"\n'
const lines = (count: number, line: (at: number) => string): string =>
  Array.from({ length: count }, (_, at) => `  ${line(at)}\n`).join('')
const modelOf = (body: string): string => `${IMPORTS}model m(D: int = 4) {\n  input x: f32[B, D]\n${body}}\n`
const routed = 'moe(h) {\n      experts 4 of swiglu(F = 4)\n      route top_k(k = 2)\n    }\n'

function planOf(text: string): Plan {
  const { plan, diagnostics } = compile({ path: 'test/compiler/large.smoe', text }, { load, target: PORTABLE })
  expect(framed(diagnostics)).toBe('')
  for (const { bindings } of plan!.kernels) expect(bindings.length).toBeLessThanOrEqual(PORTABLE.maxStorageBuffers)
  return plan!
}
const fixture = (name: string): string => readFileSync(`${root}test/fixtures/cases/large-graphs/${name}.smoe`, 'utf8')

test('2,000 values, each of the one before', () => {
  const { programs } = planOf(
    modelOf(`  let a0 = x + 1\n${lines(2000, (at) => `let a${at + 1} = a${at} + 1`)}  output y = a2000\n`),
  )
  expect(programs[0].steps.length).toBeLessThan(50)
}, 60_000)

test('1,000 weights in a repeat', () => {
  const { weights, programs } = planOf(fixture('repeat-1000'))
  expect(weights).toHaveLength(1000)
  expect(programs[0].steps.length).toBeLessThan(250)
}, 60_000)

test('1,000 routed layers', () => {
  const { weights, kernels } = planOf(
    modelOf(`  var h = x\n  repeat layers[i] in 0..1000 {\n    h = h + ${routed}  }\n  output y = h\n`),
  )
  expect(weights).toHaveLength(4000)
  expect(kernels.length).toBeLessThan(20)
}, 120_000)

test('2,000 values in an expert', () => {
  const expert = `expert deep(rows: f32[N, D]) {\n  let a0 = rows\n${lines(2000, (at) => `let a${at + 1} = a${at} + 1`)}  return a2000\n}\n`
  const text = modelOf('  output y = moe(x) {\n    experts 4 of deep()\n    route top_k(k = 2)\n  }\n')
  expect(planOf(text.replace('model m', `${expert}model m`)).outputs).toHaveLength(1)
}, 60_000)

test('100 shared experts', () => expect(planOf(fixture('shared-100')).weights).toHaveLength(304), 60_000)

test(
  '1,000 shared experts',
  () => expect(planOf(fixture('shared-100').replace('shared 100', 'shared 1000')).weights).toHaveLength(3004),
  60_000,
)

test('1,000 weights with names of their own, and as many outputs', () => {
  const { outputs } = planOf(
    modelOf(`${lines(1000, (at) => `param w${at}: f32[D]`)}${lines(1000, (at) => `output y${at} = x * w${at}`)}`),
  )
  expect(outputs).toHaveLength(1000)
}, 60_000)
