import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { randomCheckpoint } from '../../cli/bench/random.ts'
import { compile } from '../../compiler/compile.ts'
import { createLoader } from '../../cli/load.ts'
import { processTerminal } from '../../cli/terminal.ts'
import { PORTABLE } from '../../plan/target.ts'
import { encodeSafetensors } from '../../runtime/checkpoint/encode.ts'
import type { HostData } from '../../runtime/tensors.ts'
import { softwareDevices } from '../support/devices.ts'
import { ON_DEVICES } from '../support/runs.ts'
import { LAYER, place, type Place } from './harness.ts'

const checkpoint = join(process.cwd(), 'test/fixtures/checkpoints/mixtral')

async function weightsOfLayer(): Promise<Uint8Array> {
  const { plan } = compile({ path: 'layer.smoe', text: LAYER }, { load: createLoader(processTerminal()), target: PORTABLE })
  if (plan === null) throw new Error('the layer has a mistake')
  const random = randomCheckpoint(plan, 3)
  const tensors: Record<string, HostData> = {}
  for (const { name, shape, bytes } of random.tensors.values()) {
    tensors[name] = { shape, data: new Float32Array((await random.read(name, 0, bytes)).slice().buffer) }
  }
  return encodeSafetensors(tensors)
}

const rows = (count: number): HostData => ({
  shape: [count, 8],
  data: Float32Array.from({ length: count * 8 }, (_, at) => Math.sin(at)),
})

async function layer(): Promise<Place> {
  return place({
    'layer.smoe': LAYER,
    'w.safetensors': await weightsOfLayer(),
    'x.safetensors': encodeSafetensors({ x: rows(5) }),
    'other.safetensors': encodeSafetensors({ x: rows(3), z: rows(3) }),
  })
}

test.each(await softwareDevices())(
  '%s agrees with the reference, and two runs have the same bytes',
  ON_DEVICES,
  async (device) => {
    const there = await layer()
    const common = ['run', 'layer.smoe', '--weights', 'w.safetensors', '--in', 'x=x.safetensors'] as const
    const reference = await there.smoe(...common, '--device', 'reference', '--out', 'reference.safetensors')
    expect(reference.code, reference.err).toBe(0)
    for (const out of ['a.safetensors', 'b.safetensors']) {
      const {
        code,
        out: text,
        err,
      } = await there.smoe(
        ...common,
        '--device',
        device,
        '--out',
        out,
        '--compare',
        'reference.safetensors',
        '--tolerance',
        '1e-5',
      )
      expect(code, err).toBe(0)
      expect(text).toMatch(/^output {2}relative L2.*\ny .* 5 of 5\n$/)
      expect(err).toMatch(/^on .*: /)
      expect(err).toMatch(
        /^layer: [\d.]+ KiB of weights loaded in [\d.]+ ms, \d+ kernels compiled in [\d.]+ ms, run in [\d.]+ ms \([\d.]+ ms the first time\)$/m,
      )
    }
    expect(there.read('b.safetensors')).toBe(there.read('a.safetensors'))
  },
)

test('--profile lists every part of the layer', async () => {
  const { code, out, err } = await (
    await layer()
  ).smoe('run', 'layer.smoe', '--weights', 'w.safetensors', '--in', 'x=x.safetensors', '--device', 'cpu', '--profile')
  expect(code, err).toBe(0)
  expect(out).toMatch(/^computes.*\nmoe\/router: .*\n[\s\S]*in all/)
})

test('numbers that differ end with 4', async () => {
  const there = await layer()
  await there.smoe(
    'run',
    'layer.smoe',
    '--weights',
    'w.safetensors',
    '--in',
    'x=x.safetensors',
    '--device',
    'reference',
    '--out',
    'y.safetensors',
  )
  const file = Buffer.from(readFileSync(join(there.folder, 'y.safetensors')))
  file[file.length - 1] ^= 0x40
  const changed = place({
    'layer.smoe': LAYER,
    'w.safetensors': await weightsOfLayer(),
    'x.safetensors': encodeSafetensors({ x: rows(5) }),
    'y.safetensors': file,
  })
  const { code, err } = await changed.smoe(
    'run',
    'layer.smoe',
    '--weights',
    'w.safetensors',
    '--in',
    'x=x.safetensors',
    '--device',
    'reference',
    '--compare',
    'y.safetensors',
  )
  expect(code).toBe(4)
  expect(err).toContain('y differ by more than 0.00002')
})

const wrong: readonly [string, number, readonly string[], RegExp][] = [
  ['no input', 2, ['--weights', 'w.safetensors'], /missing input x: f32\[T, 8\]\n {2}give it with --in x=FILE/],
  [
    'a wrong name',
    2,
    ['--weights', 'w.safetensors', '--in', 'xx=x.safetensors'],
    /layer has no input 'xx'\n {2}did you mean 'x'\?/,
  ],
  [
    'an input twice',
    2,
    ['--weights', 'w.safetensors', '--in', 'x=x.safetensors', '--in', 'x=x.safetensors'],
    /input 'x' is given twice/,
  ],
  [
    'a missing file',
    2,
    ['--weights', 'w.safetensors', '--in', 'x=y.safetensors'],
    /there is no file 'y.safetensors'\n {2}did you mean/,
  ],
  [
    'a missing tensor',
    2,
    ['--weights', 'w.safetensors', '--in', 'x=other.safetensors:zz'],
    /has no tensor 'zz'\n {2}did you mean 'z'\?/,
  ],
  [
    'a wrong number of axes',
    2,
    ['--weights', 'w.safetensors', '--in', 'x=w.safetensors:moe.experts.down'],
    /input x: expected the shape \[T, 8\] of rank 2/,
  ],
  [
    'a wrong width',
    2,
    ['--weights', 'w.safetensors', '--in', 'x=w.safetensors:moe.router.gate', '--set', 'D=9'],
    /input x: expected axis 1 to be 9, got 8/,
  ],
  ['no weights', 2, ['--in', 'x=x.safetensors'], /the model has 4 weights\n {2}say where they are with --weights/],
  ['weights that are none', 5, ['--weights', 'layer.smoe', '--in', 'x=x.safetensors'], /layer.smoe/],
  ['weights of something else', 5, ['--weights', 'x.safetensors', '--in', 'x=x.safetensors'], /moe.router.gate/],
  [
    'an adapter that is not there',
    3,
    ['--weights', 'w.safetensors', '--in', 'x=x.safetensors', '--device', 'warp9'],
    /no WebGPU adapter for 'warp9'/,
  ],
  [
    'an adapter without a name',
    2,
    ['--weights', 'w.safetensors', '--in', 'x=x.safetensors', '--device', ''],
    /the name of the adapter is empty/,
  ],
  [
    'a profile of the reference',
    2,
    ['--weights', 'w.safetensors', '--in', 'x=x.safetensors', '--profile'],
    /the reference has no kernels/,
  ],
]

for (const [name, expected, args, message] of wrong) {
  test(`${name} ends with ${expected}`, async () => {
    const device = args.includes('--device') ? [] : ['--device', 'reference']
    const { code, out, err } = await (await layer()).smoe('run', 'layer.smoe', ...args, ...device)
    expect({ code, out }).toEqual({ code: expected, out: '' })
    expect(err).toMatch(message)
  })
}

test('ids that choose no row are named, whatever computes', async () => {
  const there = place({
    'take.smoe':
      'model take_rows() {\n  input ids: i32[N]\n  param table: f32[4, 2]\n  output y: f32[N, 2] = take(table, ids)\n}\n',
    'w.safetensors': encodeSafetensors({ table: { shape: [4, 2], data: new Float32Array(8) } }),
    'ids.safetensors': encodeSafetensors({ ids: { shape: [3], data: Int32Array.of(0, 4, 1) } }),
  })
  for (const device of ['reference', 'cpu']) {
    const { code, err } = await there.smoe(
      'run',
      'take.smoe',
      '--weights',
      'w.safetensors',
      '--in',
      'ids=ids.safetensors',
      '--device',
      device,
    )
    expect(code).toBe(2)
    expect(err).toContain('input ids: element 1 is 4; expected a row index from 0 to 3')
  }
})

test('a label that a loss ignores is taken, and no other that has no logit', async () => {
  const there = place({
    'loss.smoe':
      'model loss() {\n  input x: f32[N, 4]\n  input labels: i32[N]\n  output y = cross_entropy(x, labels, ignore = -100)\n}\n',
    'x.safetensors': encodeSafetensors({ x: { shape: [3, 4], data: new Float32Array(12) } }),
    'right.safetensors': encodeSafetensors({ labels: { shape: [3], data: Int32Array.of(0, -100, 3) } }),
    'wrong.safetensors': encodeSafetensors({ labels: { shape: [3], data: Int32Array.of(0, -100, -1) } }),
    'mean.safetensors': encodeSafetensors({ y: { shape: [], data: Float32Array.of(Math.log(4)) } }),
  })
  for (const device of ['reference', 'cpu']) {
    const run = (labels: string) =>
      there.smoe(
        'run',
        'loss.smoe',
        '--in',
        'x=x.safetensors',
        '--in',
        `labels=${labels}.safetensors`,
        '--compare',
        'mean.safetensors',
        '--tolerance',
        '1e-6',
        '--device',
        device,
      )
    const right = await run('right')
    expect(right.code, right.err).toBe(0)
    const { code, err } = await run('wrong')
    expect(code).toBe(2)
    expect(err).toContain('input labels: element 2 is -1; expected a row index from 0 to 3, or -100, which is ignored')
  }
})

test('a checkpoint is imported and run: the logits are those of the reference implementation', async () => {
  const there = place()
  expect(await there.smoe('import', checkpoint, '-o', 'mixtral.smoe')).toEqual({ code: 0, out: '', err: 'wrote mixtral.smoe\n' })
  expect((await there.smoe('fmt', '--check', 'mixtral.smoe')).code).toBe(0)
  const reference = join(checkpoint, 'reference.safetensors')
  const common = [
    'run',
    'mixtral.smoe',
    '--weights',
    checkpoint,
    '--in',
    `tokens=${reference}:input_ids`,
    '--compare',
    reference,
  ] as const
  const exact = await there.smoe(...common, '--device', 'reference', '--tolerance', '1e-6')
  expect(exact.code, exact.err).toBe(0)
  const { code, out, err } = await there.smoe(...common, '--device', 'cpu', '--tolerance', '2e-5')
  expect(code, err).toBe(0)
  expect(out).toContain('48 of 48')
}, 180_000)

test('a config that is not supported ends with 5 and says what is', async () => {
  const there = place({ 'config.json': '{"model_type": "bert"}', 'broken/config.json': '{' })
  const { code, err } = await there.smoe('import', '.')
  expect(code).toBe(5)
  expect(err).toMatch(/'bert' is not in the table \(supported are llama, [^)]*\)\n$/)
  expect((await there.smoe('import', 'broken')).code).toBe(5)
  expect((await there.smoe('import', 'nowhere')).code).toBe(2)
})
