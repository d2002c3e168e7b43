import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { encodeSafetensors } from '../../runtime/checkpoint/encode.ts'
import type { MetricsRecord } from '../../training/record/metrics.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { tinySpec } from '../support/trained-spec.ts'
import { place, type Outcome, type Place } from './harness.ts'

const SPEC = tinySpec(6, ['schedule cosine(warmup = 2, final = 0.0)'])

/** Another head, which no weights of the model above have. */
const HEADED = SPEC.replace('param embed', 'param head: f32[V, D]\n  param embed').replace('@ embed.T', '@ head.T')

const there = (files: Readonly<Record<string, string | Uint8Array>> = {}): Place =>
  place({
    'tiny.smoe': SPEC,
    'headed.smoe': HEADED,
    'data.txt': 'abcdefghijkl'.repeat(40),
    'fewer.txt': 'abcdef'.repeat(40),
    ...files,
  })

const train = ({ smoe }: Place, spec: string, ...args: readonly string[]): Promise<Outcome> =>
  smoe('train', spec, '--device', 'reference', '--validate-every', '0', ...args)

const records = ({ read }: Place, run: string): readonly MetricsRecord[] =>
  read(`${run}/metrics.jsonl`)!
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as MetricsRecord)
const starts = (one: Place, run: string) => records(one, run).filter((record) => record.kind === 'start')
const rates = (one: Place, run: string): readonly number[] =>
  records(one, run).flatMap((record) => (record.kind === 'step' ? [record.learningRate] : []))
const at = (run: string, step: number): string => `${run}/checkpoints/step-${String(step).padStart(8, '0')}.safetensors`
const tensors = ({ folder }: Place, file: string) => readSafetensors(join(folder, file))

describe('a run that goes on for longer', () => {
  it('has the schedule of the longer run from there on, and says so', async () => {
    const one = there()
    await train(one, 'tiny.smoe', '--data', 'data.txt', '--out', 'run')
    const { code, err } = await train(one, 'tiny.smoe', '--data', 'data.txt', '--resume', 'run', '--steps', '10')
    expect(code, err).toBe(0)
    expect(err).toContain(
      'note: the run was to have 6 steps and has 10 now: the rate follows cosine over 10 steps from here on, as it would have from the beginning: 0.00',
    )
    await train(one, 'tiny.smoe', '--data', 'data.txt', '--out', 'long', '--steps', '10')
    expect(rates(one, 'run').slice(6)).toEqual(rates(one, 'long').slice(6))
    expect(rates(one, 'run')[5]).toBe(0)
    expect(starts(one, 'run').map(({ steps, done, extendedFrom: lengthened }) => [steps, done, lengthened])).toEqual([
      [6, 0, undefined],
      [10, 6, 6],
    ])
    expect(tensors(one, at('run', 10)).embed.values).toHaveLength(72)
  })

  it('goes on as the longer run that it is, and not as a shorter one', async () => {
    const one = there()
    await train(one, 'tiny.smoe', '--data', 'data.txt', '--out', 'run', '--save-every', '3')
    await train(one, 'tiny.smoe', '--data', 'data.txt', '--resume', 'run', '--steps', '12', '--save-every', '3')
    cpSync(join(one.folder, at('run', 9)), join(one.folder, 'nine.safetensors'))
    const { code, err } = await train(
      one,
      'tiny.smoe',
      '--data',
      'data.txt',
      '--resume',
      'nine.safetensors',
      '--steps',
      '12',
      '--out',
      'again',
    )
    expect(code, err).toBe(0)
    expect(err).not.toContain('was to have')
    expect(tensors(one, at('again', 12))).toEqual(tensors(one, at('run', 12)))
    for (const steps of [[], ['--steps', '11']]) {
      const shorter = await train(one, 'tiny.smoe', '--data', 'data.txt', '--resume', 'run', ...steps)
      expect([shorter.code, shorter.err]).toEqual([
        5,
        expect.stringMatching(/steps was 12 and is \d+; a resumed run may have more steps, not fewer/),
      ])
    }
  })

  it('says that it goes on elsewhere', async () => {
    const one = there()
    await train(one, 'tiny.smoe', '--data', 'data.txt', '--out', 'run', '--save-every', '3')
    const { code, err } = await one.smoe(
      'train',
      'tiny.smoe',
      '--data',
      'data.txt',
      '--resume',
      at('run', 3),
      '--device',
      'cpu',
      '--validate-every',
      '0',
    )
    expect(code, err).toBe(0)
    expect(err).toMatch(/note: the run was on the f64 reference and goes on on cpu.*: its final weights will differ in rounding/)
    expect(starts(one, 'run').map(({ adapter }) => adapter)).toEqual(['the f64 reference', expect.stringMatching(/^cpu/)])
  }, 120_000)
})

describe('a run that begins with weights', () => {
  const begun = async (): Promise<Place> => {
    const one = there()
    expect((await train(one, 'tiny.smoe', '--data', 'data.txt', '--out', 'run')).code).toBe(0)
    return one
  }

  it('has them, and a new optimizer', async () => {
    const one = await begun()
    for (const weights of ['run', at('run', 6)]) {
      const out = weights === 'run' ? 'a' : 'b'
      const { code, err } = await train(
        one,
        'tiny.smoe',
        '--data',
        'data.txt',
        '--weights',
        weights,
        '--out',
        out,
        '--validate-every',
        '6',
        '--steps',
        '1',
      )
      expect(code, err).toBe(0)
      expect(err).toContain(
        `note: the initial weights are those of ${weights}, step 6 of its run; optimizer state and schedules start afresh\n`,
      )
      expect(err).not.toMatch(/not there|not read/)
    }
    expect(starts(one, 'a')[0]).toMatchObject({ done: 0, weights: { name: 'run', initialised: [] } })
    expect(tensors(one, at('a', 1))).toEqual(tensors(one, at('b', 1)))
    // what was learned is there before the first step
    const losses = await Promise.all(
      ['whole', 'c'].map(async (out) => {
        await train(
          one,
          'tiny.smoe',
          '--data',
          'data.txt',
          '--out',
          out,
          '--validate-every',
          '6',
          ...(out === 'c' ? ['--weights', 'run'] : []),
        )
        return records(one, out).flatMap((record) => (record.kind === 'validation' ? [record.loss] : []))
      }),
    )
    expect(losses[1][0]).toBeCloseTo(losses[0][1], 12)
  })

  it('initialises those that are not there, and says which; what is left over is said too', async () => {
    const one = await begun()
    const { code, err } = await train(one, 'headed.smoe', '--data', 'data.txt', '--weights', 'run', '--out', 'a', '--steps', '1')
    expect(code, err).toBe(0)
    expect(err).toContain('note: 1 weight is missing and initialized as in the spec: head\n')
    expect(starts(one, 'a')[0]).toMatchObject({ weights: { name: 'run', initialised: ['head'] } })
    const back = await train(one, 'tiny.smoe', '--data', 'data.txt', '--weights', 'a', '--out', 'b', '--steps', '1')
    expect(back.code, back.err).toBe(0)
    expect(back.err).toMatch(/note: 1 tensor of .* is not read: head\n/)
  })

  it('reads text with the vocabulary that they have learned', async () => {
    const one = await begun()
    const { code, err } = await train(one, 'tiny.smoe', '--data', 'fewer.txt', '--weights', 'run', '--out', 'a', '--steps', '1')
    expect(code, err).toBe(0)
    expect(JSON.parse(one.read(at('a', 1))!.match(/"smoe\.training":("(?:[^"\\]|\\.)*")/)![1]) as string).toContain(
      '"characters":["a","b","c","d","e","f","g","h","i","j","k","l"]',
    )
    writeFileSync(join(one.folder, 'other.txt'), 'abc\nxyz'.repeat(40))
    expect(await train(one, 'tiny.smoe', '--data', 'other.txt', '--weights', 'run', '--out', 'b')).toMatchObject({
      code: 2,
      err: expect.stringContaining('other.txt:1: the character "\\n" (U+000A) is not in the vocabulary of 12'),
    })
    expect(await train(one, 'tiny.smoe', '--data', 'data.txt', '--weights', 'run', '--bytes', '--out', 'c')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--bytes reads bytes, and the weights have learned characters'),
    })
  })

  it.each([
    [
      'of other shapes',
      ['--weights', 'run', '--set', 'D=8'],
      5,
      /embed expects f32\[12, 8\] from embed; the file has F64\[12, 6\]/,
    ],
    [
      'of another model',
      ['--weights', 'other.safetensors'],
      5,
      /other\.safetensors has none of the 5 weights of tiny\n {2}it has x/,
    ],
    ['that are not there', ['--weights', 'rn'], 2, /there is no file 'rn'\n {2}did you mean 'run'\?/],
    [
      'beside a run that goes on',
      ['--weights', 'run', '--resume', 'run'],
      2,
      /'--weights <path>' cannot be used with option '--resume/,
    ],
  ] as const)('refuses weights %s', async (_, args, code, message) => {
    const one = await begun()
    writeFileSync(join(one.folder, 'other.safetensors'), encodeSafetensors({ x: { shape: [1], data: new Float32Array(1) } }))
    const result = await train(one, 'tiny.smoe', '--data', 'data.txt', '--out', 'a', ...args)
    expect(result.code, result.err).toBe(code)
    expect(result.err).toMatch(message)
  })
})
