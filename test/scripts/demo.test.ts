import { expect, test } from 'vitest'
import { readFileSync } from 'node:fs'
import { createLoader } from '../../cli/load.ts'
import { processTerminal } from '../../cli/terminal.ts'
import { compile } from '../../compiler/compile.ts'
import { PORTABLE } from '../../plan/target.ts'

test('routes can be asked for as outputs, and change no other one', () => {
  const source = { path: 'first.smoe', text: readFileSync('examples/01-first-routed-layer.smoe', 'utf8') }
  const options = { load: createLoader(processTerminal()), target: PORTABLE }
  const [plain, routed] = [compile(source, options).plan, compile(source, { ...options, routes: true }).plan]
  const ports = (plan: typeof plain): readonly string[] =>
    plan?.outputs.map(({ name, dtype, shape }) => `${name}: ${dtype}[${shape.join(', ')}]`) ?? []
  expect(ports(plain)).toEqual(['logits: f32[B, S, 32]'])
  expect(ports(routed)).toEqual(['logits: f32[B, S, 32]', 'moe.selected: i32[B*S, 2]', 'moe.weights: f32[B*S, 2]'])
  expect(routed?.programs.map(({ steps }) => steps.length)).toEqual(plain?.programs.map(({ steps }) => steps.length))
})
