import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
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

test('the demo draws on the cpu device, then runs the same spec as WGSL kernels and compares', () => {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['scripts/run.mjs', 'scripts/demo.ts'], { encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  const picture = stdout.indexOf('drawn ')
  expect(stdout.slice(0, picture)).toMatch(/ token {3}0 {3}1[\s\S]*of the answer[\s\S]*expert 7 /)
  expect(stdout.slice(picture)).toMatch(
    /^drawn \S+ s after the start, by cpu, \d+ threads?\n\nwasm on cpu, [\s\S]*in all[\s\S]*\nwgsl on /,
  )
  const [, difference] = /the largest difference is (\S+), /.exec(stdout) ?? []
  expect(Number(difference)).toBeLessThan(1e-4)
  expect(stdout).toContain('the same letter comes next after 29 of 29')
}, 120_000)
