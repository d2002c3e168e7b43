/** `smoe prune`: scores as an independent computation in PyTorch has them, and the tensors that remain. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { inRun, MORE_IN_LONG } from '../support/runs.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { root } from '../support/sources.ts'
import { place, type Place } from './harness.ts'

const folderOf = (name: string): string => join(root, 'test/fixtures', name)
const tokens = (name: string): readonly string[] => ['--tokens', `${join(folderOf(name), 'reference.safetensors')}:input_ids`]

interface Report {
  readonly layers: readonly {
    readonly kept: readonly number[]
    readonly removed: readonly number[]
    readonly scores: readonly number[]
  }[]
  readonly evaluation: {
    readonly before: { readonly loss: number }
    readonly after: { readonly loss: number }
    readonly agreement: number
  } | null
  readonly spec: { readonly no_config: string } | null
  readonly export: { readonly config: readonly unknown[] }
}

async function pruned(there: Place, name: string, ...args: readonly string[]): Promise<Report> {
  const { code, out, err } = await there.smoe('prune', folderOf(name), '-o', 'out', '--format', 'json', ...args)
  expect(code, err).toBe(0)
  return JSON.parse(out) as Report
}

/** By `scripts/exports/prune.py`, with transformers 5.18 in f64. */
const SCORES: readonly (readonly [name: string, by: string, layers: readonly (readonly number[])[]])[] = [
  [
    'checkpoints/mixtral',
    'aimer',
    [
      [0.7895823, 0.7988195, 0.7961931, 0.7900142, 0.7950138, 0.7932036, 0.7963175, 0.7960396],
      [0.7938716, 0.7869188, 0.7927956, 0.793111, 0.7940821, 0.7971552, 0.8032298, 0.7914951],
    ],
  ],
  [
    'architectures/granitemoe',
    'aimer',
    [
      [0.7968777, 0.7862378, 0.77801, 0.7912095],
      [0.7950011, 0.8032461, 0.7838169, 0.7939874],
    ],
  ],
  [
    'architectures/granitemoe',
    'easy-ep',
    [
      [7.227953, 7.091863, 12.64946, 3.784155],
      [2.31716, 5.017722, 9.720193, 8.178365],
    ],
  ],
  ['architectures/qwen3_moe', 'spectral', [[0.1024243, 0.2054371, 0.1641202, 0.2682459, 0.2597724]]],
]

const MORE: typeof SCORES = [
  [
    'checkpoints/mixtral',
    'reap',
    [
      [4.401076, 5.383138, 3.485255, 5.375328, 3.891295, 5.959899, 2.010071, 7.867266],
      [5.471766, 6.063334, 8.165396, 3.896323, 3.683303, 5.049217, 5.101609, 5.766035],
    ],
  ],
  [
    'architectures/granitemoe',
    'msan',
    [
      [71.58423, 53.25895, 76.73781, 45.25254],
      [42.11117, 100.5055, 67.61778, 109.5162],
    ],
  ],
  [
    'architectures/exaone_moe',
    'reap',
    [
      [5.217567, 6.829111, 5.609911, 7.390848],
      [7.919983, 3.437472, 7.673422, 6.48285],
      [8.715197, 8.061498, 13.09194, 4.302253],
    ],
  ],
  [
    'checkpoints/mixtral',
    'easy-ep',
    [
      [12.87116, 18.81844, 12.17403, 36.13002, 8.138005, 35.13221, 9.350552, 71.01063],
      [18.83175, 4.647344, 0.804493, 7.007403, 2.674203, 13.27312, 9.811455, 10.10831],
    ],
  ],
  [
    'checkpoints/olmoe',
    'spectral',
    [
      [0.123497, 0.08071804, 0.1145278, 0.1133568, 0.09238028, 0.2689467, 0.1048093, 0.1017641],
      [0.0731648, 0.1437533, 0.1098893, 0.113376, 0.1630583, 0.1335257, 0.09877573, 0.1644568],
    ],
  ],
]

describe('scores', MORE_IN_LONG, () => {
  test.each(inRun({ short: SCORES, long: MORE, whole: MORE }))('of %s by %s are those of PyTorch', async (name, by, wanted) => {
    const { layers } = await pruned(
      place(),
      name,
      '--by',
      by,
      '--keep',
      '75%',
      ...(by === 'aimer' ? [] : [...tokens(name), '--device', 'cpu']),
    )
    expect(layers.length).toBe(wanted.length)
    for (const [at, { scores, removed }] of layers.entries()) {
      scores.forEach((score, e) => expect(Math.abs(score / wanted[at][e] - 1)).toBeLessThan(1e-5))
      const worst = [...wanted[at].keys()].sort((a, b) => (wanted[at][a] - wanted[at][b]) * (by === 'aimer' ? -1 : 1))
      expect(removed).toEqual(worst.slice(0, removed.length).sort((a, b) => a - b))
    }
  })
})

describe('a smaller folder', () => {
  test('has the experts that stay, their rows of the router, and all else as it was', async () => {
    const there = place()
    const report = await pruned(there, 'checkpoints/mixtral', '--by', 'aimer', '--keep', '6')
    const { layers, evaluation } = report
    expect(evaluation).toBeNull()
    expect(report.export.config).toEqual([{ field: 'num_local_experts', from: 8, to: 6 }])
    const one = readSafetensors(join(folderOf('checkpoints/mixtral'), 'model.safetensors'))
    const other = readSafetensors(join(there.folder, 'out/model.safetensors'))
    for (const [name, { values }] of Object.entries(other)) {
      const [, layer, expert] = /layers\.(\d+)\.block_sparse_moe\.(?:experts\.(\d+)|gate)/.exec(name) ?? []
      const kept = layer === undefined ? [] : layers[Number(layer)].kept
      const row = values.length / 6
      const wanted =
        layer === undefined
          ? one[name].values
          : expert === undefined
            ? Float64Array.from(kept.flatMap((e) => [...one[name].values.subarray(e * row, (e + 1) * row)]))
            : one[name.replace(`experts.${expert}`, `experts.${kept[Number(expert)]}`)].values
      expect(values, name).toEqual(wanted)
    }
    expect(Object.keys(one).length - Object.keys(other).length).toBe(2 * 2 * 3)
    expect((await there.smoe('import', 'out')).code).toBe(0)
  })

  test('is compared with the original where tokens are given', async () => {
    const { evaluation } = await pruned(
      place(),
      'architectures/granitemoe',
      '--by',
      'frequency',
      '--keep',
      '3',
      ...tokens('architectures/granitemoe'),
    )
    expect(evaluation!.before.loss).toBeCloseTo(Math.log(45.8648), 4)
    expect(evaluation!.after.loss).not.toBe(evaluation!.before.loss)
    expect(evaluation!.agreement).toBeLessThan(1)
  })
})

describe('a spec', () => {
  test('has a number for each layer, and the weights of the experts that stay', async () => {
    const there = place({ 'own.json': '{"layers.0.moe": 3}' })
    const name = 'architectures/granitemoe'
    const report = await pruned(there, name, '--by', 'reap', '--per-layer', 'own.json', '--to', 'spec', ...tokens(name))
    expect(report.layers.map(({ kept }) => kept.length)).toEqual([3, 4])
    expect(there.read('out/granitemoe.smoe')).toContain('experts if i < 1 then 3 else 4 of swiglu')
    expect(readdirSync(join(there.folder, 'out')).sort()).toEqual(['granitemoe.smoe', 'model.safetensors'])
    expect(report.spec!.no_config).toContain("'num_local_experts' is one number for all layers")
    // by `scripts/exports/prune.py`, of the original without the expert
    expect(report.evaluation!.after.loss).toBeCloseTo(3.830668, 5)
  })

  test('leaves the experts of attention where they are', async () => {
    const there = place()
    const { layers } = await pruned(there, 'architectures/jetmoe', '--by', 'aimer', '--keep', '3', '--to', 'spec')
    const one = readSafetensors(join(folderOf('architectures/jetmoe'), 'model.safetensors'))
    const other = readSafetensors(join(there.folder, 'out/model.safetensors'))
    expect(Object.keys(other).sort()).toEqual(Object.keys(one).sort())
    for (const [name, { values, shape }] of Object.entries(other)) {
      const [, layer] = /layers\.(\d+)\.mlp\.(?:input_linear|output_linear|router)/.exec(name) ?? []
      if (layer === undefined) expect(values, name).toEqual(one[name].values)
      else {
        const row = values.length / 3
        expect(shape[0]).toBe(3)
        expect([...values], name).toEqual(
          layers[Number(layer)].kept.flatMap((e) => [...one[name].values.subarray(e * row, (e + 1) * row)]),
        )
      }
    }
    expect((await there.smoe('plan', 'out/jetmoe.smoe', '--weights', 'out', '--device', 'cpu')).code).toBe(0)
  })

  test('is needed where layers keep numbers of their own', async () => {
    const there = place({ 'own.json': '{"layers.0.moe": 6}' })
    const { err } = await there.smoe(
      'prune',
      folderOf('checkpoints/mixtral'),
      '--by',
      'aimer',
      '--per-layer',
      'own.json',
      '-o',
      'out',
    )
    expect(err).toContain('(layers.0.moe has 6, layers.1.moe has 8)')
    expect(err).toContain('--to spec writes a spec, which has a number for each layer')
    expect(there.read('out/config.json')).toBeNull()
  })
})

test.each([
  ['checkpoints/mixtral', ['--by', 'aimer'], 'nothing says how many experts stay'],
  ['architectures/jetmoe', ['--by', 'aimer', '--keep', '1', '--to', 'spec'], 'k = 2 is not in 1..1 (E = 1)'],
  ['checkpoints/mixtral', ['--by', 'reap', '--keep', '6'], '--by reap measures tokens'],
  [
    'architectures/gemma4_text',
    ['--by', 'easy-ep', '--keep', '2', ...tokens('architectures/gemma4_text'), '--device', 'cpu'],
    'layers.0/moe does not add the sum of its experts to the hidden state by linear operations',
  ],
  [
    'architectures/ernie4_5_moe',
    ['--by', 'spectral', '--keep', '3', ...tokens('architectures/ernie4_5_moe'), '--device', 'cpu'],
    'experts are selected by scores with a bias',
  ],
  ['checkpoints/mixtral', ['--by', 'aimer', '--keep', '1'], "'num_experts_per_tok' (2) is more than 'num_local_experts' (1)"],
  ['architectures/deepseek_v3', ['--by', 'aimer', '--keep', '5'], '5 experts cannot be kept in 3 groups of one size'],
  ['architectures/deepseek_v3', ['--by', 'aimer', '--keep', '3'], "'n_group' is 3: a group of 3 experts must have at least 2"],
  ['architectures/jetmoe', ['--by', 'aimer', '--keep', '50%'], 'the number of experts is also a size of layers.0.attention.gate'],
  ['architectures/mistral', ['--by', 'aimer', '--keep', '50%'], 'the model has no routed layers'],
  ['codes/mixtral_int8', ['--by', 'aimer', '--keep', '50%'], 'is quantised (int8_'],
] as const)('%s with %j is refused', async (name, args, message) => {
  const there = place()
  const { code, err } = await there.smoe('prune', folderOf(name), ...args, '-o', 'out')
  expect(err).toContain(message)
  expect([2, 5]).toContain(code)
  expect(readdirSync(there.folder)).toEqual([])
})
