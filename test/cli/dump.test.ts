/** `--dump DIR`: graphs, kernels and their code, in a folder that was new or written by it. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseKernel } from '../../compiler/kernel/ir/parse.ts'
import { printKernel } from '../../compiler/kernel/ir/print.ts'
import { encodeSafetensors } from '../../runtime/index.ts'
import { tinySpec } from '../support/trained-spec.ts'
import { place } from './harness.ts'

const SPEC = `model scale(D: int = 2) {
  input x: f32[B, D]
  param w: f32[D, D]
  output y = exp(x @ w * 0.5) + x
}
`
const there = (more: Record<string, string> = {}) =>
  place({
    'scale.smoe': SPEC,
    'x.safetensors': encodeSafetensors({ x: { shape: [1, 2], data: Float32Array.of(1, 2) } }),
    'w/model.safetensors': encodeSafetensors({ w: { shape: [2, 2], data: Float32Array.of(3, 4, 5, 6) } }),
    ...more,
  })
const INPUTS = ['scale.smoe', '--in', 'x=x.safetensors', '--weights', 'w', '--dump', 'dump'] as const

test('run writes the graph after each pass, the kernels and the shaders that the adapter gets', async () => {
  const { smoe, folder, read } = there()
  const { code, err } = await smoe('run', ...INPUTS, '--device', 'swiftshader')
  expect(code, err).toBe(0)
  const names = readdirSync(join(folder, 'dump'))
  expect(err).toContain(`wrote ${names.length} files to dump: dump/index.txt lists them\n`)
  const index = read('dump/index.txt')!
  expect(index).toMatch(/^smoe --dump: scale for SwiftShader Device/)
  for (const name of names.filter((name) => name !== 'index.txt')) expect(index).toContain(name)
  expect(read('dump/run.graph.txt')).toContain('contract')
  expect(names.some((name) => /^run\.any\.\d\d-weight-layout\.graph\.txt$/.test(name))).toBe(true)
  expect(read('dump/run.any.kernels.txt')).toContain('program any')
  const shaders = names.filter((name) => name.endsWith('.wgsl'))
  expect(shaders).toHaveLength(1)
  const shader = read(`dump/${shaders[0]}`)!
  expect(shader).toMatch(/^\/\/ kernel \w+, template matmul_\w+: /)
  expect(shader).toMatch(/^\/\/ computes scale\.smoe:4:\d+$/m)
  expect(shader).toMatch(/^\/\/ program any, dispatch 1: /m)
  expect(shader).toContain('smoe_exp(')
  expect(read(`dump/${shaders[0].replace(/\.wgsl$/, '.ir.txt')}`)).toMatch(/^kernel "\w+" template "\w+"\n/)
})

test('run on the cpu device writes each kernel as IR and as a WebAssembly module', async () => {
  const { smoe, folder, read } = there()
  const { code, err } = await smoe('run', ...INPUTS, '--device', 'cpu', '--threads', '1')
  expect(code, err).toBe(0)
  const names = readdirSync(join(folder, 'dump'))
  const modules = names.filter((name) => name.endsWith('.wasm'))
  expect(modules.length).toBeGreaterThan(0)
  expect(names.filter((name) => name.endsWith('.wgsl'))).toEqual([])
  const index = read('dump/index.txt')!
  for (const name of modules) {
    expect(WebAssembly.validate(readFileSync(join(folder, 'dump', name)))).toBe(true)
    const ir = name.replace(/\.wasm$/, '.ir.txt')
    const text = read(`dump/${ir}`)!
    expect(printKernel(parseKernel(text))).toBe(text)
    expect(index).toMatch(new RegExp(`^${name} +program any, dispatch 1: `, 'm'))
    expect(index).toMatch(new RegExp(`^${ir} +the IR of program any, dispatch 1: `, 'm'))
  }
})

test('an earlier dump is replaced, other files stay and a folder of other files is refused', async () => {
  const { smoe, folder, read } = there({ 'mine/notes.txt': 'mine' })
  const run = (...args: readonly string[]) => smoe('run', ...INPUTS, '--device', 'reference', ...args)
  expect((await run()).code).toBe(0)
  const before = readdirSync(join(folder, 'dump'))
  expect((await run()).code).toBe(0)
  expect(readdirSync(join(folder, 'dump'))).toEqual(before)
  const refused = await run('--dump', 'mine')
  expect([refused.code, refused.err]).toEqual([2, expect.stringContaining("'mine' holds files that --dump did not write")])
  expect(readdirSync(join(folder, 'mine'))).toEqual(['notes.txt'])
  expect(read('mine/notes.txt')).toBe('mine')
})

test('train writes those of the step, the update and the evaluation; debug those of a run', async () => {
  const { smoe, folder } = place({ 'tiny.smoe': tinySpec(1), 'data.txt': 'abcdefghijkl'.repeat(40) })
  const { code, err } = await smoe('train', 'tiny.smoe', '--data', 'data.txt', '--device', 'reference', '--dump', 'dump')
  expect(code, err).toBe(0)
  const names = readdirSync(join(folder, 'dump'))
  for (const plan of ['step', 'update', 'evaluation']) {
    expect(names).toContain(`${plan}.graph.txt`)
    expect(names.some((name) => name.startsWith(`${plan}.kernel-`))).toBe(true)
  }
  const other = there()
  expect((await other.smoe('debug', ...INPUTS, '--device', 'reference')).code).toBe(0)
  expect(other.read('dump/run.graph.txt')).not.toBeNull()
})
