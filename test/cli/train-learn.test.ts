/** Router KD of folders: which weights move, what goes on, what is exported, and what is refused. */
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { encodeSafetensors } from '../../runtime/checkpoint/encode.ts'
import { openCheckpoint } from '../support/checkpoints.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { root } from '../support/sources.ts'
import { tinySpec } from '../support/trained-spec.ts'
import { place, type Outcome, type Place } from './harness.ts'

const IDS = Int32Array.from({ length: 400 }, (_, at) => (at * at + 3 * at) % 64)

function there(): Place {
  const one = place({
    'tokens.safetensors': encodeSafetensors({ tokens: { shape: [IDS.length], data: IDS } }),
    'text.txt': 'abcdefghijkl'.repeat(40),
    'own.smoe': tinySpec(6),
    'bare.smoe': openCheckpoint('test/fixtures/checkpoints/olmoe').spec.text,
  })
  for (const name of ['olmoe', 'mixtral', 'mixtral-window'])
    cpSync(join(root, 'test/fixtures/checkpoints', name), join(one.folder, name), { recursive: true })
  return one
}

const SMALL = ['--batch', '2', '--context', '8', '--rate', '0.01', '--validate-every', '0', '--device', 'cpu', '--threads', '1']
const KD = ['--learn', 'router', '--teacher', 'mixtral', '--data', 'tokens.safetensors', ...SMALL]

const train = ({ smoe }: Place, model: string, ...args: readonly string[]): Promise<Outcome> => smoe('train', model, ...args)
const at = ({ folder }: Place, run: string, step: number) =>
  readSafetensors(join(folder, `${run}/checkpoints/step-${String(step).padStart(8, '0')}.safetensors`))

test('routers alone move, and a run that was interrupted ends in the same bytes', async () => {
  const one = there()
  const whole = await train(one, 'olmoe', ...KD, '--steps', '4', '--out', 'whole', '--save-every', '2')
  expect(whole.code, whole.err).toBe(0)
  const [before, after] = [at(one, 'whole', 2), at(one, 'whole', 4)]
  const moved = Object.keys(after).filter(
    (name) => !name.startsWith('probe') && before[name].values.join() !== after[name].values.join(),
  )
  expect(moved.filter((name) => !/^(first|second)\./.test(name))).toEqual([
    'layers.0.moe.router.gate',
    'layers.1.moe.router.gate',
  ])
  expect(Object.keys(after).filter((name) => /^(first|second)\./.test(name))).toHaveLength(4)
  const given = readSafetensors(join(one.folder, 'olmoe/model.safetensors'))
  expect(after.embed.values).toEqual(given['model.embed_tokens.weight'].values)
  expect(after.embed.values).toEqual(before.embed.values)

  cpSync(join(one.folder, 'whole/checkpoints/step-00000002.safetensors'), join(one.folder, 'two.safetensors'))
  const again = await train(one, 'olmoe', ...KD, '--steps', '4', '--resume', 'two.safetensors', '--out', 'again')
  expect(again.code, again.err).toBe(0)
  expect(at(one, 'again', 4)).toEqual(after)
  const other = ['--learn', 'router', '--teacher', 'olmoe', '--data', 'tokens.safetensors', ...SMALL]
  const refused = await train(one, 'olmoe', ...other, '--steps', '4', '--resume', 'two.safetensors', '--out', 'other')
  expect([refused.code, refused.err]).toEqual([
    5,
    expect.stringMatching(/is of another run: its teacher was \w+, and is now \w+/),
  ])

  const exported = await one.smoe('export', '--to', 'hf', 'olmoe', '--weights', 'whole', '-o', 'out')
  expect(exported.code, exported.err).toBe(0)
  const written = readSafetensors(join(one.folder, 'out/model.safetensors'))
  expect(Object.keys(written).sort()).toEqual(Object.keys(given).sort())
  const differing = Object.keys(given).filter((name) => given[name].values.join() !== written[name].values.join())
  expect(differing).toEqual([0, 1].map((layer) => `model.layers.${layer}.mlp.gate.weight`))
  expect(written['model.layers.0.mlp.gate.weight'].values).toEqual(after['layers.0.moe.router.gate'].values)
})

test('low-rank pairs beside experts and attention are merged where the weights of the run are read', async () => {
  const one = there()
  const pairs = ['--learn', 'lora(rank = 2, scale = 4.0) on experts, attention', '--data', 'tokens.safetensors', ...SMALL]
  const { code, err } = await train(one, 'olmoe', ...pairs, '--steps', '2', '--out', 'run')
  expect(code, err).toBe(0)
  const exported = await one.smoe('export', '--to', 'hf', 'olmoe', '--weights', 'run', '-o', 'out')
  expect(exported.code, exported.err).toBe(0)
  const apart = await one.smoe('export', '--to', 'peft', 'olmoe', '--weights', 'run', '-o', 'adapter')
  expect([apart.code, apart.err.replace(/\s+/g, ' ')]).toEqual([
    2,
    expect.stringMatching(/the pair of layers\.0\.moe\.experts\.\w+ has no place in an adapter of PEFT.* --to hf writes the sum/),
  ])
  const [run, given, out] = [
    at(one, 'run', 2),
    ...['olmoe', 'out'].map((name) => readSafetensors(join(one.folder, `${name}/model.safetensors`))),
  ]
  const changed = Object.keys(given).filter((name) => given[name].values.join() !== out[name].values.join())
  expect(changed.every((name) => /(self_attn\.[qkvo]_proj|experts\.\d\.(gate|up|down)_proj)\.weight$/.test(name))).toBe(true)
  expect(changed.length).toBeGreaterThan(20)
  const name = 'model.layers.0.self_attn.q_proj.weight'
  const [down, up] = ['a', 'b'].map((side) => run[`layers.0.attention.q.lora_${side}`].values)
  const expected = given[name].values.map((value, place) => {
    const [row, column] = [Math.floor(place / 32), place % 32]
    return Math.fround(value + 4 * (up[2 * row] * down[column] + up[2 * row + 1] * down[32 + column]))
  })
  expect(out[name].values).toEqual(expected)
})

test('without a teacher the loss is the cross-entropy of the text', async () => {
  const one = there()
  const args = ['--learn', 'router', '*_norm.weight', '--data', 'tokens.safetensors', ...SMALL, '--steps', '1']
  const { code, err } = await train(one, 'bare.smoe', ...args, '--weights', 'olmoe', '--out', 'run')
  expect(code, err).toBe(0)
  expect(one.read('run/metrics.jsonl')).toContain('"loss.next"')
})

test.each([
  [
    'a teacher with another vocabulary',
    'olmoe',
    [...KD, '--teacher', 'mixtral-window'],
    'mixtral-window has 70 tokens, and olmoe has 64',
  ],
  ['a teacher without weights', 'olmoe', [...KD, '--teacher', 'bare.smoe'], 'say where they are with --teacher-weights PATH'],
  ['a label that no path has', 'olmoe', [...KD, '--learn', 'routr'], 'did you mean router?'],
  ['a block beside the one that is there', 'own.smoe', [...KD], 'has a `train` block of its own'],
  [
    'a setting of no block',
    'own.smoe',
    ['--data', 'text.txt', '--rate', '0.1'],
    '--rate is a setting of the block that --learn makes',
  ],
  [
    'text without a tokenizer',
    'olmoe',
    ['--learn', 'router', '--teacher', 'mixtral', '--data', 'text.txt'],
    "'olmoe' has no tokenizer.json, and text.txt is text",
  ],
  ['a folder without a block', 'olmoe', ['--data', 'tokens.safetensors'], '--learn router, or --learn "*", makes one'],
])('%s is refused with what to do', async (_, model, args, words) => {
  const { code, err } = await train(there(), model, ...args, '--out', 'run')
  expect(code).not.toBe(0)
  expect(err.replace(/\s+/g, ' ')).toContain(words)
})
