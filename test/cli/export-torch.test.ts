/** `smoe export --to torch`: the files, their weights, and what is refused. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { encodeSafetensors } from '../../runtime/checkpoint/encode.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { root } from '../support/sources.ts'
import { LAYER, place } from './harness.ts'

const TRAINED = LAYER.replace(
  /\}\s*$/,
  `  train {
    input wanted: f32[T, D]
    loss fit = mean(mean((y - wanted) * (y - wanted)))
    optimiser adamw(rate = 1e-2)
    batch T = 4
    steps 20
    seed 2
  }
}
`,
)

test('a spec with a train block is written with the initial weights of its runs', async () => {
  const there = place({ 'layer.smoe': TRAINED })
  const { code, out, err } = await there.smoe('export', '--to', 'torch', 'layer.smoe', '-o', 'out')
  expect(code, err).toBe(0)
  expect(out).toBe('layer: model.py, train.py and 4 weights\n')
  expect(readdirSync(join(there.folder, 'out')).sort()).toEqual([
    'README.md',
    'model.py',
    'model.safetensors',
    'recipe.json',
    'train.py',
  ])
  const weights = readSafetensors(join(there.folder, 'out/model.safetensors'))
  expect(Object.keys(weights).sort()).toEqual(['moe.experts.down', 'moe.experts.gate', 'moe.experts.up', 'moe.router.gate'])
  expect(weights['moe.experts.up'].shape).toEqual([4, 12, 8])
  expect(new Set(weights['moe.router.gate'].values).size).toBeGreaterThan(16)
  const recipe = JSON.parse(there.read('out/recipe.json')!) as Record<string, unknown>
  expect([recipe.steps, recipe.seed, recipe.competitions]).toEqual([20, 2, {}])
})

test('weights come back by their paths, whatever the table of the spec says', async () => {
  const renamed = TRAINED.replace('  train {', '  weights {\n    moe.router.gate = "other.name"\n  }\n  train {')
  const x = encodeSafetensors({ x: { shape: [3, 8], data: Float32Array.from({ length: 24 }, (_, at) => Math.sin(at)) } })
  const there = place({ 'layer.smoe': TRAINED, 'renamed.smoe': renamed, 'x.safetensors': x })
  await there.smoe('export', '--to', 'torch', 'layer.smoe', '-o', 'out')
  const run = ['--weights', 'out', '--in', 'x=x.safetensors', '--device', 'reference', '--out'] as const
  const [own, other] = [
    await there.smoe('run', 'layer.smoe', ...run, 'own.safetensors'),
    await there.smoe('run', 'renamed.smoe', ...run, 'other.safetensors'),
  ]
  expect([own.code, other.code], own.err + other.err).toEqual([0, 0])
  const y = (name: string): unknown => readSafetensors(join(there.folder, name)).y
  expect(y('own.safetensors')).toEqual(y('other.safetensors'))
})

test('a checkpoint is written with its spec, and its numbers as they are', async () => {
  const folder = join(root, 'test/fixtures/checkpoints/mixtral')
  const there = place({
    'm/config.json': readFileSync(join(folder, 'config.json')),
    'm/model.safetensors': readFileSync(join(folder, 'model.safetensors')),
  })
  const { code, err } = await there.smoe('export', '--to', 'torch', 'm', '-o', 'out')
  expect(code, err).toBe(0)
  expect(readdirSync(join(there.folder, 'out')).sort()).toEqual(['README.md', 'mixtral.smoe', 'model.py', 'model.safetensors'])
  const [given, written] = [join(folder, 'model.safetensors'), join(there.folder, 'out/model.safetensors')].map(readSafetensors)
  const names = Object.keys(given).filter((name) => name.includes('embed_tokens'))
  expect(names).toHaveLength(1)
  expect(written.embed.values).toEqual(given[names[0]].values)
  expect(there.read('out/README.md')).toContain('smoe run SPEC --weights DIR')
})

test('what cannot be written is refused with its place, and leaves no folder', async () => {
  const noisy = `${TRAINED.replace('swiglu(F = F)', 'blurred()')}
expert blurred(x: f32[T, D]) -> f32[T, D] {
  param up: f32[D, D]
  return dropout(x @ up.T, 0.5)
}
`
  const paired = TRAINED.replace('  train {', '  train {\n    learns lora(rank = 1) on experts')
  const there = place({ 'layer.smoe': LAYER, 'noisy.smoe': noisy, 'paired.smoe': paired, 'w.safetensors': encodeSafetensors({}) })
  const refusals = [
    [['noisy.smoe'], /noisy\.smoe:\d+:10: dropout in an expert draws by the row/],
    [['paired.smoe'], /learns by low-rank pairs, which the module of Python does not have/],
    [['layer.smoe'], /has no train block, which would initialise weights/],
    [['layer.smoe', '--weights', 'w.safetensors'], /moe\.router\.gate/],
    [['layer.smoe', '--config', '.'], /--config goes with --to hf/],
  ] as const
  for (const [args, message] of refusals) {
    const { code, err } = await there.smoe('export', '--to', 'torch', ...args, '-o', 'out')
    expect(code, err).not.toBe(0)
    expect(err).toMatch(message)
    expect(readdirSync(there.folder)).not.toContain('out')
  }
})
