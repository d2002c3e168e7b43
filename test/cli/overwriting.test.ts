import { readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { encodeSafetensors } from '../../runtime/index.ts'
import { place } from './harness.ts'

const SPEC = `model scale(D: int = 2) {
  input x: f32[B, D]
  param w: f32[D]
  output y = x * w
}
`
const there = () =>
  place({
    'scale.smoe': SPEC,
    'x.safetensors': encodeSafetensors({ x: { shape: [1, 2], data: Float32Array.of(1, 2) } }),
    'w/model.safetensors': encodeSafetensors({ w: { shape: [2], data: Float32Array.of(3, 4) } }),
    'y.safetensors': encodeSafetensors({ y: { shape: [1, 2], data: Float32Array.of(5, 6) } }),
  })
const RUN = [
  'run',
  'scale.smoe',
  '--device',
  'reference',
  '--in',
  'x=x.safetensors:x',
  '--weights',
  'w',
  '--compare',
  'y.safetensors',
]

test.each([
  ['scale.smoe', 'the spec'],
  ['x.safetensors', '--in x'],
  ['w/model.safetensors', '--weights'],
  ['y.safetensors', '--compare'],
  ['link', '--compare'],
])('an output is not written over %s', async (file, name) => {
  const { smoe, folder } = there()
  symlinkSync('y.safetensors', join(folder, 'link'))
  const before = readFileSync(join(folder, file))
  const { code, err } = await smoe(...RUN, '--out', file)
  expect([code, err]).toEqual([
    2,
    `smoe: --out and ${name} are one file, '${file}'\n  give the output another name: nothing was written\n`,
  ])
  expect(readFileSync(join(folder, file))).toEqual(before)
})

test('two outputs are two files, and devices take any', async () => {
  const { smoe } = there()
  expect((await smoe(...RUN.slice(0, -2), '--out', 'o', '--record-routes', './o')).err).toContain(
    "--record-routes and --out are one file, './o'",
  )
  expect((await smoe(...RUN.slice(0, -2), '--out', '/dev/null')).code).toBe(0)
  expect((await smoe(...RUN.slice(0, -2), '--out', 'new.safetensors')).code).toBe(0)
})

test('an imported spec is not written over the config, nor a page over its report', async () => {
  const { smoe } = place({ 'm/config.json': '{}', 'report.json': '{}' })
  expect((await smoe('import', 'm', '-o', 'm/config.json')).err).toContain("-o and the checkpoint are one file, 'm/config.json'")
  expect((await smoe('routing', 'report.json', '--html', 'report.json')).err).toContain(
    "--html and the report are one file, 'report.json'",
  )
})

test('an input of a model without inputs is refused with that', async () => {
  const { smoe } = place({ 'none.smoe': 'model none() {\n  output y = iota(4)\n}\n', 'x.npy': '' })
  expect((await smoe('run', 'none.smoe', '--device', 'reference', '--in', 'x=x.npy')).err).toContain(
    "none has no input 'x'\n  it has none\n",
  )
})
