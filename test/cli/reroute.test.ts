/** Checkpoints routed by what their experts listen to. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readSafetensors } from '../support/safetensors.ts'
import { root } from '../support/sources.ts'
import { IN_LONG_ALONE, MORE_IN_LONG, shareOf } from '../support/runs.ts'
import { LAYER, place, type Place } from './harness.ts'

const checkpoint = (name: string): string => join(root, 'test/fixtures/checkpoints', name)
const tokens = (name: string): string => `tokens=${join(checkpoint(name), 'reference.safetensors')}:input_ids`
const calibrate = (name: string): string => `${join(checkpoint(name), 'reference.safetensors')}:input_ids`

interface Report {
  readonly layers: readonly {
    readonly layer: string
    readonly tokens: number
    readonly collapse: {
      readonly router: { readonly pearson: number; readonly cosine: number }
      readonly directions: { readonly pearson: number }
    }
    readonly overlap: { readonly blend: number; readonly directions: number }
    readonly load: {
      readonly old: { readonly variation: number; readonly maxVio: number }
      readonly new: { readonly variation: number }
    }
  }[]
  readonly dropped: { readonly kept: number; readonly layers: Readonly<Record<string, readonly number[]>> } | null
}

async function smoe(there: Place, ...args: readonly string[]): Promise<string> {
  const { code, out, err } = await there.smoe(...args)
  expect(code, err).toBe(0)
  return out
}

const run = (there: Place, spec: string, name: string, weights: string, ...more: readonly string[]): Promise<string> =>
  smoe(there, 'run', spec, '--weights', weights, '--in', tokens(name), ...more)

/** The mean share of experts that two recorded layers have in common. */
function shared(there: Place, a: string, b: string, layer: string): number {
  const [one, other] = [a, b].map((file) => readSafetensors(join(there.folder, file))[`${layer}.selected`])
  const [count, k] = one.shape
  let sum = 0
  for (let t = 0; t < count; t++) {
    const mine = new Set(one.values.subarray(t * k, t * k + k))
    sum += [...other.values.subarray(t * k, t * k + k)].filter((expert) => mine.has(expert)).length / k
  }
  return sum / count
}

const CHECKPOINTS = [
  ['mixtral', 'true'],
  ['olmoe', 'false'],
] as const

// the reference computes for seconds: one in the short run, the other in the long one
for (const [name, renormalise] of shareOf(CHECKPOINTS, 2)) {
  describe(name, MORE_IN_LONG, () => {
    test('on a device: the spec, its directions, and the report', async () => {
      const there = place()
      const common = ['--device', 'cpu'] as const
      const report = JSON.parse(
        await smoe(
          there,
          'reroute',
          checkpoint(name),
          '--alpha',
          '0.9',
          '--top-c',
          '8',
          '-o',
          'new.smoe',
          '--calibrate',
          calibrate(name),
          '--format',
          'json',
          ...common,
        ),
      ) as Report
      expect(there.read('new.smoe')).toContain(`route spectral(k = k, alpha = 0.9, c = 8, renormalise = ${renormalise})`)
      await smoe(there, 'fmt', '--check', 'new.smoe')
      await run(there, 'new.smoe', name, checkpoint(name), ...common, '--out', 'made.safetensors')
      await run(
        there,
        'new.smoe',
        name,
        checkpoint(name),
        ...common,
        '--held',
        'new.held.safetensors',
        '--record-routes',
        'new.safetensors',
        '--out',
        'held.safetensors',
      )
      expect(there.read('held.safetensors')).toBe(there.read('made.safetensors'))
      await smoe(there, 'import', checkpoint(name), '-o', 'old.smoe')
      await run(there, 'old.smoe', name, checkpoint(name), ...common, '--record-routes', 'old.safetensors')
      // the first layer is given the same by both models
      expect(report.layers[0].overlap.blend).toBeCloseTo(shared(there, 'new.safetensors', 'old.safetensors', 'layers.0/moe'), 6)
      expect(report.layers.map(({ layer, tokens: count }) => [layer, count])).toEqual([
        ['layers.0/moe', 48],
        ['layers.1/moe', 48],
      ])
      for (const { collapse, overlap, load } of report.layers) {
        for (const value of [
          collapse.router.pearson,
          collapse.router.cosine,
          collapse.directions.pearson,
          overlap.blend,
          overlap.directions,
        ]) {
          expect(value).toBeGreaterThan(0)
          expect(value).toBeLessThan(1)
        }
        expect(Math.min(load.old.variation, load.old.maxVio, load.new.variation)).toBeGreaterThan(0)
      }
    }, 240_000)

    test('alpha = 0 keeps the spec, and so every byte of the logits; the policy itself agrees but for rounding', async () => {
      const there = place()
      await smoe(there, 'import', checkpoint(name), '-o', 'old.smoe')
      const { err } = await there.smoe('reroute', checkpoint(name), '--alpha', '0', '-o', 'zero.smoe', '--device', 'reference')
      expect(err).toContain('note: with alpha = 0 the routes stay as they were')
      expect(there.read('zero.smoe')).toBe(there.read('old.smoe'))
      expect(there.read('zero.held.safetensors')).toBeNull()
      await run(there, 'old.smoe', name, checkpoint(name), '--device', 'cpu', '--out', 'old.safetensors')
      await run(there, 'zero.smoe', name, checkpoint(name), '--device', 'cpu', '--out', 'zero.safetensors')
      expect(there.read('zero.safetensors')).toBe(there.read('old.safetensors'))
      // a spec that is rerouted already is given alpha = 0 by the policy, which rounds elsewhere
      await smoe(there, 'reroute', checkpoint(name), '-o', 'new.smoe', '--device', 'reference')
      await smoe(
        there,
        'reroute',
        checkpoint(name),
        '--spec',
        'new.smoe',
        '--alpha',
        '0',
        '-o',
        'none.smoe',
        '--device',
        'reference',
      )
      expect(there.read('none.smoe')).toContain('alpha = 0.0')
      await run(
        there,
        'none.smoe',
        name,
        checkpoint(name),
        '--device',
        'cpu',
        '--compare',
        'old.safetensors',
        '--tolerance',
        '2e-6',
      )
    }, 240_000)

    test('fewer experts: a checkpoint that imports and runs, its experts the ones that are left', async () => {
      const there = place()
      const report = JSON.parse(
        await smoe(
          there,
          'reroute',
          checkpoint(name),
          '--top-c',
          '8',
          '--drop',
          '25%',
          '--out',
          'small',
          '-o',
          'small.smoe',
          '--format',
          'json',
          '--device',
          'reference',
        ),
      ) as Report
      expect(report.dropped!.kept).toBe(6)
      const [before, after] = [checkpoint(name), join(there.folder, 'small')].map((folder) =>
        readSafetensors(join(folder, 'model.safetensors')),
      )
      const [prefix, last] = name === 'mixtral' ? ['block_sparse_moe', 'w1'] : ['mlp', 'gate_proj']
      for (const [at, [, gone]] of Object.entries(report.dropped!.layers).entries()) {
        expect(gone).toHaveLength(2)
        const left = [0, 1, 2, 3, 4, 5, 6, 7].filter((expert) => !gone.includes(expert))
        const gate = `model.layers.${at}.${prefix}.gate.weight`
        left.forEach((expert, place) => {
          const weight = (e: number): string => `model.layers.${at}.${prefix}.experts.${e}.${last}.weight`
          expect(after[weight(place)].values).toEqual(before[weight(expert)].values)
          expect(after[gate].values.subarray(place * 32, place * 32 + 32)).toEqual(
            before[gate].values.subarray(expert * 32, expert * 32 + 32),
          )
        })
        expect(after[gate].shape).toEqual([6, 32])
      }
      expect(Object.keys(after)).toHaveLength(Object.keys(before).length - 2 * 2 * 3)
      await run(there, 'small.smoe', name, 'small', '--device', 'reference', '--out', 'made.safetensors')
      // directions are cut, not made again: those of an expert do not depend on the others
      await run(
        there,
        'small.smoe',
        name,
        'small',
        '--device',
        'reference',
        '--held',
        'small.held.safetensors',
        '--compare',
        'made.safetensors',
        '--tolerance',
        '1e-6',
      )
      await smoe(there, 'import', 'small', '-o', 'plain.smoe')
      await run(there, 'plain.smoe', name, 'small', '--device', 'reference')
    }, 120_000)
  })
}

test(
  'a table for people; experts are dropped by the old router or at random, too',
  { ...IN_LONG_ALONE, timeout: 120_000 },
  async () => {
    const there = place()
    const out = await smoe(there, 'reroute', checkpoint('mixtral'), '--device', 'reference')
    expect(out).toMatch(
      /^ +collapse +cosine +overlap +CV +MaxVio\nlayer +router +W_EV .*\nlayers\.0\/moe( +\d\.\d{3}){10}\nlayers\.1\/moe/,
    )
    const drop = async (...more: readonly string[]): Promise<string> =>
      smoe(there, 'reroute', checkpoint('mixtral'), '--device', 'reference', '--drop', '0.3', '--out', 'small', ...more)
    expect(await drop('--drop-by', 'router')).toMatch(/experts dropped\nlayers\.0\/moe {2}\d, \d\n/)
    expect(await drop('--drop-by', 'random', '--seed', '3')).toBe(await drop('--drop-by', 'random', '--seed', '3'))
  },
)

test('directions of another decomposition are taken from a file', IN_LONG_ALONE, async () => {
  const there = place()
  await smoe(there, 'reroute', checkpoint('olmoe'), '-o', 'a.smoe', '--top-c', '5', '--device', 'reference')
  await smoe(
    there,
    'reroute',
    checkpoint('olmoe'),
    '-o',
    'b.smoe',
    '--top-c',
    '5',
    '--sign',
    'lapack',
    '--held',
    'a.held.safetensors',
    '--device',
    'reference',
  )
  const [a, b] = ['a', 'b'].map((name) => readSafetensors(join(there.folder, `${name}.held.safetensors`)))
  expect(b).toEqual(a)
})

test('what is held has to fit the model, and the model has to hold something', async () => {
  const there = place()
  await smoe(there, 'reroute', checkpoint('olmoe'), '-o', 'new.smoe', '--device', 'reference')
  const common = ['--weights', checkpoint('olmoe'), '--in', tokens('olmoe'), '--device', 'reference'] as const
  const strange = await there.smoe('run', 'new.smoe', ...common, '--held', join(checkpoint('olmoe'), 'reference.safetensors'))
  expect(strange).toMatchObject({ code: 5, err: expect.stringContaining('layers.0.moe.router.ev is missing') })
  expect(await there.smoe('run', 'new.smoe', ...common, '--held', 'nowhere.safetensors')).toMatchObject({ code: 2 })
  await smoe(there, 'import', checkpoint('olmoe'), '-o', 'old.smoe')
  const none = await there.smoe('run', 'old.smoe', ...common, '--held', 'new.held.safetensors')
  expect(none).toMatchObject({ code: 2, err: expect.stringContaining('olmoe has no load-time constant for --held') })
})

const wrong: readonly [string, number, readonly string[], RegExp][] = [
  ['no checkpoint', 2, ['nowhere'], /there is no file 'nowhere'/],
  ['a folder without a config', 2, ['.'], /config.json/],
  ['signs without directions', 2, [checkpoint('olmoe'), '--sign', 'lapack'], /--sign lapack needs singular vectors of LAPACK/],
  ['directions without a rule', 2, [checkpoint('olmoe'), '--held', 'x.safetensors'], /use --sign lapack/],
  ['a share over 1', 2, [checkpoint('olmoe'), '--alpha', '1.5'], /'1.5' is not a share/],
  ['no vectors', 2, [checkpoint('olmoe'), '--top-c', '0'], /'0' is not a number/],
  ['a drop without a folder', 2, [checkpoint('olmoe'), '--drop', '25%'], /--drop and --out go together/],
  ['a drop of less than one', 2, [checkpoint('olmoe'), '--drop', '5%', '--out', 'small'], /5 % of 8 experts is less than one/],
  [
    'a drop that leaves too few',
    2,
    [checkpoint('olmoe'), '--drop', '90%', '--out', 'small'],
    /1 experts would be left, and each token needs/,
  ],
  ['a spec without a routed layer', 2, [checkpoint('llama')], /no layer of the file is routed/],
  ['another policy', 2, [checkpoint('olmoe'), '--spec', 'other.smoe'], /only routes by top_k/],
]

for (const [name, expected, args, message] of wrong) {
  test(`${name} ends with ${expected}`, async () => {
    const there = place({ 'other.smoe': LAYER.replaceAll('top_k', 'sigmoid_top_k'), 'x.safetensors': '' })
    const { code, out, err } = await there.smoe('reroute', ...args, '--device', 'reference')
    expect({ code, out }, err).toEqual({ code: expected, out: '' })
    expect(err).toMatch(message)
  })
}
