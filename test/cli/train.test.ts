import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadBars, termsOf, validationLine } from '../../cli/training/line.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { tinySpec } from '../support/trained-spec.ts'
import { place, type Place } from './harness.ts'

const SPEC = tinySpec(6, ['metric accuracy = accuracy(logits, targets)'])

/** Version 1: a header of 128 bytes in all, then the numbers. */
const npy = (data: Int32Array): Uint8Array => {
  const header = `{'descr': '<i4', 'fortran_order': False, 'shape': (${data.length},), }`.padEnd(117) + '\n'
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1'), Buffer.from(header), Buffer.from(data.buffer)])
}

const there = (): Place =>
  place({
    'tiny.smoe': SPEC,
    'plain.smoe': SPEC.replace(/ {2}train \{[\s\S]*?\n {2}\}\n/, ''),
    'data.txt': 'abcdefghijkl'.repeat(40),
    'ids.npy': npy(Int32Array.from({ length: 60 }, (_, at) => at % 12)),
    'still.smoe': SPEC.replace('loss next = cross_entropy(logits, targets)', 'loss next = stop(cross_entropy(logits, targets))'),
  })

const on = ['--data', 'data.txt', '--device', 'reference'] as const
const whole = ['train', 'tiny.smoe', ...on, '--out', 'whole', '--validate-every', '2'] as const
const checkpoint = (run: string, step: number): string => `${run}/checkpoints/step-${String(step).padStart(8, '0')}.safetensors`

describe('smoe train', () => {
  it('leaves weights, a record and a page, and says where', async () => {
    const { smoe, read, folder } = there()
    const { code, out, err } = await smoe(...whole)
    expect(code, err).toBe(0)
    expect(err).toMatch(/step 6 {6}loss \d/)
    expect(out).toContain(join(folder, checkpoint('whole', 6)))
    const kinds = read('whole/metrics.jsonl')!
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { kind: string }).kind)
    expect(kinds.filter((kind) => kind === 'step').length).toBe(6)
    expect(kinds).toContain('validation')
    expect(read('whole/report.html')).toContain('<html')
  })

  it('trains in mixed precision where it is asked to, and goes on in the precision it began with', async () => {
    const { smoe, read } = there()
    const mixed = ['train', 'tiny.smoe', ...on, '--precision', 'mixed', '--out', 'mixed', '--validate-every', '0'] as const
    const { code, err } = await smoe(...mixed)
    expect(code, err).toBe(0)
    const steps = read('mixed/metrics.jsonl')!
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; lossScale: number })
      .filter(({ kind }) => kind === 'step')
    expect(steps.map(({ lossScale }) => lossScale)).toEqual(Array(6).fill(65536))
    const other = await smoe('train', 'tiny.smoe', ...on, '--resume', 'mixed')
    expect(other.code).not.toBe(0)
    expect(other.err).toContain('precision was "mixed" and is "f32"')
    const refused = await smoe(
      'train',
      'tiny.smoe',
      '--data',
      'data.txt',
      '--device',
      'swiftshader',
      '--precision',
      'mixed',
      '--out',
      'none',
    )
    expect(refused.code).not.toBe(0)
    expect(refused.err).toMatch(/SwiftShader.* does not support f16 \(shader-f16\)[\s\S]*--precision f32/)
    expect(read('none/metrics.jsonl')).toBeNull()
  }, 120_000)

  it('goes on from a checkpoint to the same bytes', async () => {
    const { smoe, folder } = there()
    await smoe(...whole)
    const { code, err } = await smoe(
      'train',
      'tiny.smoe',
      ...on,
      '--out',
      'resumed',
      '--resume',
      checkpoint('whole', 4),
      '--validate-every',
      '2',
    )
    expect(code, err).toBe(0)
    const [one, other] = ['whole', 'resumed'].map((run) => readSafetensors(join(folder, checkpoint(run, 6))))
    expect(Object.keys(one).length).toBeGreaterThan(6)
    expect(other).toEqual(one)
  })

  it('says, when it is stopped, the very line that goes on', async () => {
    const { smoe, folder } = there()
    const typed = [
      'train',
      'tiny.smoe',
      ...on,
      '--seed',
      '9',
      '--split',
      '0.2',
      '--set',
      'D=8',
      '--set',
      'E=4',
      '--steps',
      '4000',
      '--validate-every',
      '0',
      '--out',
      'a run',
    ] as const
    setTimeout(() => process.emit('SIGINT'), 1500)
    const stopped = await smoe(...typed)
    expect(stopped.code, stopped.err).toBe(130)
    const line = /^smoe (train .*) goes on from here$/m.exec(stopped.err)![1]
    expect(line).toBe(
      "train tiny.smoe --data data.txt --split 0.2 --steps 4000 --seed 9 --validate-every 0 --device reference --set D=8 --set E=4 --resume 'a run'",
    )
    const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain)
    setTimeout(() => process.emit('SIGINT'), 1500)
    const resumed = await smoe(...words)
    expect(resumed.code, resumed.err).toBe(130)
    expect(resumed.err).toContain('going on at step')
    // from elsewhere, by its file
    expect((await smoe('train', 'tiny.smoe', ...on, '--resume', `${folder}/a run/report.html`)).code).toBe(5)
  }, 60_000)

  it('does not go on with a spec that computes something else', async () => {
    const { smoe, folder } = there()
    await smoe(...whole)
    writeFileSync(join(folder, 'tiny.smoe'), SPEC.replace('loss next = ', 'loss next = 3.0 * '))
    const { code, err } = await smoe('train', 'tiny.smoe', ...on, '--resume', checkpoint('whole', 4), '--validate-every', '2')
    expect([code, err]).toEqual([
      5,
      expect.stringContaining('is of another model: the spec, or one of its parameters, has changed'),
    ])
    writeFileSync(join(folder, 'tiny.smoe'), SPEC.replace('model tiny', '/// Another word for it.\nmodel tiny'))
    expect((await smoe('train', 'tiny.smoe', ...on, '--resume', checkpoint('whole', 4), '--validate-every', '2')).code).toBe(0)
  })

  it.each([
    ['a model that has no `train` block', ['train', 'plain.smoe', ...on], 2, /has no `train` block/],
    ['data that is not there', ['train', 'tiny.smoe', '--data', 'nowhere.txt', '--device', 'reference'], 2, /nowhere\.txt/],
    ['steps that are none', ['train', 'tiny.smoe', ...on, '--steps', '0'], 2, /whole number from 1/],
    ['a directory that is a file', ['train', 'tiny.smoe', ...on, '--out', 'data.txt'], 2, /EEXIST|ENOTDIR/],
    ['a model that learns nothing', ['train', 'still.smoe', ...on], 2, /has no trainable weight: no loss reaches one/],
    [
      'a part of the data beside data of its own',
      ['train', 'tiny.smoe', ...on, '--validation', 'data.txt', '--split', '0.2'],
      2,
      /--split <share>' cannot be used with option '--validation/,
    ],
    [
      'tokens to validate text with',
      ['train', 'tiny.smoe', ...on, '--validation', 'ids.npy'],
      2,
      /ids\.npy: is token ids and the training data is text/,
    ],
    ['a resume of nothing', ['train', 'tiny.smoe', ...on, '--resume', 'nothing'], 5, /no checkpoint|no such|nothing/],
  ] as const)('refuses %s', async (_, args, code, message) => {
    const result = await there().smoe(...args)
    expect(result.code, result.err).toBe(code)
    expect(result.err).toMatch(message)
  })

  it.each([
    ['experts that answer 0 and compete', 'competition(k = 2, rate = 1.0, warmup = 0.0)', '*.down'],
    ['tokens of zeros', 'cosine(k = 2)', 'embed'],
  ])('learns from %s: no direction, and a gradient that is finite', async (_, route, pattern) => {
    const name = route.slice(0, route.indexOf('('))
    const text = SPEC.replace('import { top_k } from "std/policies/top_k"', `import { ${name} } from "std/policies/${name}"`)
      .replace('top_k(k = 2)', route)
      .replace('batch B', `initialise "${pattern}" zeros()\n    batch B`)
    const { code, err } = await place({ 'tiny.smoe': text, 'data.txt': 'abcdefghijkl'.repeat(40) }).smoe(
      'train',
      'tiny.smoe',
      ...on,
    )
    expect(code, err).toBe(0)
  })

  it('says where something has no gradient', async () => {
    const text = SPEC.replace('let h = take(embed, tokens)', 'let h = take(embed * sum(svd_values(embed)), tokens)')
    const { code, err } = await place({ 'tiny.smoe': text, 'data.txt': 'abcdefghijkl'.repeat(40) }).smoe(
      'train',
      'tiny.smoe',
      ...on,
    )
    expect(code, err).toBe(1)
    expect(err).toMatch(/SMOE7001[\s\S]*svd has no gradient[\s\S]*tiny\.smoe:7:[\s\S]*stop\(\.\.\.\)/)
  })

  it('goes on from a copied checkpoint where it is told to, and nowhere else', async () => {
    const { smoe, folder, read } = there()
    await smoe(...whole)
    cpSync(join(folder, checkpoint('whole', 4)), join(folder, 'copy.safetensors'))
    const from = ['train', 'tiny.smoe', ...on, '--validate-every', '2', '--resume', 'copy.safetensors'] as const
    expect(await smoe(...from)).toMatchObject({ code: 2, err: expect.stringContaining('--out says where') })
    expect(await smoe(...from, '--out', 'copied')).toMatchObject({ code: 0 })
    expect(read('copied/report.html')).not.toBeNull()
  })

  it('leaves the report of a run that diverges', async () => {
    const text = SPEC.replace('adamw(rate = 0.01)', 'sgd(rate = 1e30)')
    const { smoe, read } = place({ 'tiny.smoe': text, 'data.txt': 'abcdefghijkl'.repeat(40) })
    const { code, err } = await smoe('train', 'tiny.smoe', ...on, '--out', 'wild')
    expect(code, err).toBe(4)
    expect(read('wild/report.html')).toContain('<html')
  })

  it('refuses a run over another, and to go on otherwise than it began', async () => {
    const { smoe } = there()
    await smoe(...whole)
    expect(await smoe(...whole)).toMatchObject({ code: 5, err: expect.stringMatching(/already has a run/) })
    expect(await smoe('train', 'tiny.smoe', ...on, '--resume', 'whole', '--seed', '9')).toMatchObject({
      code: 5,
      err: expect.stringMatching(/seed/),
    })
  })
})

describe('the line of a run', () => {
  it('compares the losses that a validation has too', () => {
    const losses = { 'loss.next': 2, 'loss.layers.0.moe.router.balance': 0.5 }
    const line = validationLine(
      { kind: 'validation', step: 3, loss: 1.5, losses: { 'loss.next': 1.5 }, metrics: {}, batches: 1, seconds: 1 },
      { losses } as never,
    )
    expect(line).toContain('loss 2.0000  validation 1.5000')
  })

  it('draws load beside the heaviest expert, and an idle one apart', () => expect(loadBars([8, 0, 4, 1])).toBe('█·▅▂'))

  it('sums terms over layers', () =>
    expect(termsOf({ 'loss.next': 2, 'loss.layers.0.moe.router.z': 0.25, 'loss.layers.1.moe.router.z': 0.5 })).toEqual({
      next: 2,
      z: 0.75,
    }))
})
