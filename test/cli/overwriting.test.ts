import { readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { encodeSafetensors } from '../../runtime/index.ts'
import { root } from '../support/sources.ts'
import { tinySpec } from '../support/trained-spec.ts'
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

test('a compiled model is not written over its spec', async () => {
  const { smoe, read } = place({ 'out/scale.ts': SPEC })
  expect((await smoe('compile', 'out/scale.ts', '-o', 'out')).err).toContain("-o and the spec are one file, 'out/scale.ts'")
  expect(read('out/scale.ts')).toBe(SPEC)
  expect(read('out/plan.json')).toBeNull()
})

test('a rerouted spec and its directions are not written over what they are made of', async () => {
  const { smoe } = place()
  const checkpoint = join(root, 'examples/tiny-mixtral')
  const files = readdirSync(checkpoint)
  const reroute = async (...args: readonly string[]) => (await smoe('reroute', checkpoint, '--device', 'reference', ...args)).err
  const config = join(checkpoint, 'config.json')
  expect(await reroute('-o', config)).toContain(`-o and the checkpoint are one file, '${config}'`)
  expect(await reroute('-o', 'a.smoe', '--held-out', 'a.smoe')).toContain("--held-out and -o are one file, 'a.smoe'")
  const reference = join(checkpoint, 'reference.safetensors')
  expect(await reroute('--calibrate', `${reference}:input_ids`, '--held-out', reference)).toContain(
    `--held-out and --calibrate are one file, '${reference}'`,
  )
  expect(readdirSync(checkpoint)).toEqual(files)
})

test('the record of a run is not written over its data', async () => {
  const { smoe, read } = place({ 'tiny.smoe': tinySpec(2), 'run/metrics.jsonl': 'abcdefghijkl'.repeat(40) })
  const { code, err } = await smoe('train', 'tiny.smoe', '--data', 'run/metrics.jsonl', '--device', 'reference', '--out', 'run')
  expect([code, err]).toEqual([2, expect.stringContaining("--out and --data are one file, 'run/metrics.jsonl'")])
  expect(read('run/metrics.jsonl')).toBe('abcdefghijkl'.repeat(40))
})
