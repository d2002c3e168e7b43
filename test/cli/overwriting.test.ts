import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
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

/** What would be said first if a device were opened: there is no such adapter. */
const NO_DEVICE = 'no such adapter'

describe('before a device is opened', () => {
  const data = 'abcdefghijkl'.repeat(40)
  const checkpoint = 'run/checkpoints/step-00000002.safetensors'
  const events = 'run/events.out.tfevents.1.smoe'
  const train = ['train', 'tiny.smoe', '--device', NO_DEVICE, '--out', 'run', '--data'] as const

  test.each([
    ['its spec', 'compile', ['out/1-scale.wgsl', '-o', 'out'], "-o and the spec are one file, 'out/1-scale.wgsl'"],
    ['its spec', 'compile', ['out/scale.js', '-o', 'out'], "-o and the spec are one file, 'out/scale.js'"],
  ])('compile refuses to write over %s', async (_, command, args, message) => {
    const { smoe } = place({ [args[0]]: SPEC })
    const { code, err } = await smoe(command, ...args, '--target', NO_DEVICE)
    expect([code, err]).toEqual([2, expect.stringContaining(message)])
  })

  test.each([
    ['its data', ['run/metrics.jsonl'], "--out and --data are one file, 'run/metrics.jsonl'"],
    ['its data', ['data.txt', events], `--out and --data are one file, '${events}'`],
    [
      'validation data',
      ['data.txt', '--validation', 'run/report.html'],
      "--out and --validation are one file, 'run/report.html'",
    ],
  ])('train refuses to write over %s: %j', async (_, args, message) => {
    const paths = args.filter((path) => !path.startsWith('--'))
    const { smoe, read } = place({ 'tiny.smoe': tinySpec(2), ...Object.fromEntries(paths.map((path) => [path, data])) })
    const { code, err } = await smoe(...train, ...args, '--text')
    expect([code, err]).toEqual([2, expect.stringContaining(message)])
    for (const path of paths) expect(read(path)).toBe(data)
  })

  test('train refuses to write over its spec, and over another run', async () => {
    const { smoe, read, folder } = place({ 'tiny.smoe': tinySpec(2), 'run/report.html': tinySpec(2), 'data.txt': data })
    const spec = await smoe('train', 'run/report.html', ...train.slice(2), 'data.txt')
    expect([spec.code, spec.err]).toEqual([2, expect.stringContaining("--out and the spec are one file, 'run/report.html'")])
    expect(read('run/report.html')).toBe(tinySpec(2))
    expect((await smoe('train', 'tiny.smoe', '--data', 'data.txt', '--device', 'reference', '--out', 'run')).code).toBe(0)
    for (const weights of [[], ['--weights', 'run'], ['--weights', checkpoint]]) {
      const { code, err } = await smoe(...train, 'data.txt', ...weights)
      expect([code, err]).toEqual([5, expect.stringContaining('already has a run, at step 2')])
    }
    // an older checkpoint goes as newer ones are saved
    const older = checkpoint.replace('2.', '1.')
    writeFileSync(join(folder, older), data)
    const resumed = await smoe(...train, 'data.txt', '--text', '--resume', 'run', '--validation', older)
    expect([resumed.code, resumed.err]).toEqual([2, expect.stringContaining(`--out and --validation are one file, '${older}'`)])
    const from = await smoe(...train, 'data.txt', '--resume', 'data.txt')
    expect([from.code, from.err]).toEqual([5, expect.stringContaining('not a checkpoint')])
  })

  test('reroute refuses to write the smaller checkpoint over what it reads, or the spec into it', async () => {
    const { smoe } = place({ 'small/config.json': '{}', 'small/model.safetensors': '' })
    const from = join(root, 'examples/tiny-mixtral')
    const reroute = async (...args: readonly string[]) =>
      (await smoe('reroute', from, '--device', NO_DEVICE, '--drop', '50%', '--out', 'small', ...args)).err
    expect(await reroute('--calibrate', 'small/model.safetensors:x')).toContain(
      "--out and --calibrate are one file, 'small/model.safetensors'",
    )
    expect(await reroute('-o', 'small/config.json')).toContain("--out and -o are one file, 'small/config.json'")
    expect(await reroute('-o', 'small.smoe')).toContain(`no WebGPU adapter for '${NO_DEVICE}'`)
  })
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

test.each([['eval'], ['inspect']])('a page of %s is not written over the tokenizer of a model', async (command) => {
  const { smoe } = place({ 'm/config.json': '{}', 'm/tokenizer.json': '{}', 'm/model.safetensors': encodeSafetensors({}) })
  const { code, err } = await smoe(command, 'm', '--tokens', 'm/model.safetensors:ids', '--page', 'm/tokenizer.json')
  expect([code, err]).toEqual([
    2,
    "smoe: --page and the model are one file, 'm/tokenizer.json'\n  give the output another name: nothing was written\n",
  ])
})
