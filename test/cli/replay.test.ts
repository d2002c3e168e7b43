/** Routes that were recorded are used again: the same bytes come out, and others where they were changed. */
import { join } from 'node:path'
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { encodeSafetensors, type FileData } from '../../runtime/checkpoint/encode.ts'
import { readReport } from '../../runtime/routing/text.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { place, type Place } from './harness.ts'
import { randomWeights } from './weights.ts'

const spec = (clauses: string): string => `import { swiglu } from "std/experts/swiglu"
import { top_k } from "std/policies/top_k"

model two(D: int = 8, F: int = 12, E: int = 6) {
  input x: f32[B, S, D]
  var h = x
  repeat layers[i] in 0..2 {
    h = h + moe(h) {
      experts E of swiglu(F = F)
      ${clauses.replaceAll('; ', '\n      ')}
    }
  }
  output y: f32[B, S, D] = h
}
`

const PLAIN = 'route top_k(k = 2)'
const SPILLING = 'route top_k(k = 2); shared 1 of swiglu(F = F); require capacity 0.75 overflow shared'
const x: FileData = { shape: [2, 5, 8], data: Float32Array.from({ length: 80 }, (_, at) => Math.sin(at * at)) }

interface There extends Place {
  readonly run: (...args: readonly string[]) => ReturnType<Place['smoe']>
  readonly write: (name: string, bytes: Uint8Array) => void
}

async function there(clauses: string): Promise<There> {
  const text = spec(clauses)
  const own = place({
    'two.smoe': text,
    'w.safetensors': await randomWeights(text),
    'x.safetensors': encodeSafetensors({ x }),
    'one.safetensors': encodeSafetensors({ x: { shape: [1, 3, 8], data: x.data.slice(8, 32) } }),
  })
  return {
    ...own,
    run: (...args) =>
      own.smoe(
        'run',
        'two.smoe',
        '--weights',
        'w.safetensors',
        '--in',
        `x=${args.includes('--short') ? 'one' : 'x'}.safetensors`,
        ...args.filter((arg) => arg !== '--short'),
      ),
    write: (name, bytes) => writeFileSync(join(own.folder, name), bytes),
  }
}

const bytes = ({ folder }: Place, name: string): readonly number[] => [...readFileSync(join(folder, `${name}.safetensors`))]

const METADATA = { 'smoe.routes': JSON.stringify([0, 1].map((at) => ({ name: `layers.${at}/moe`, experts: 6 }))) }

/** The file `r.safetensors` with some of its tensors changed, as `c.safetensors`. */
function changed(
  { folder, write }: There,
  change: (tensors: Record<string, FileData>) => void,
  metadata: Readonly<Record<string, string>> = METADATA,
): void {
  const read = Object.entries(readSafetensors(join(folder, 'r.safetensors')))
  const tensors = Object.fromEntries(
    read.map(([name, { shape, dtype, values }]): [string, FileData] => [
      name,
      { shape, data: dtype === 'i32' ? Int32Array.from(values) : values },
    ]),
  )
  change(tensors)
  write('c.safetensors', encodeSafetensors(tensors, metadata))
}

describe.each(['reference', 'cpu'])('on %s', (device) => {
  test.each([PLAIN, SPILLING])(
    '%s: recorded, then replayed, the outputs have the same bytes',
    async (clauses) => {
      const at = await there(clauses)
      const recorded = await at.run('--device', device, '--record-routes', 'r.safetensors', '--out', 'a.safetensors')
      expect(recorded.code, recorded.err).toBe(0)
      const replayed = await at.run(
        '--device',
        device,
        '--replay-routes',
        'r.safetensors',
        '--record-routes',
        's.safetensors',
        '--out',
        'b.safetensors',
      )
      expect(replayed.code, replayed.err).toBe(0)
      expect(bytes(at, 'b')).toEqual(bytes(at, 'a'))
      expect(bytes(at, 's')).toEqual(bytes(at, 'r'))
    },
    120_000,
  )

  test('a route that is changed changes its token and those after it alone', async () => {
    const at = await there(PLAIN)
    await at.run('--device', device, '--record-routes', 'r.safetensors', '--out', 'a.safetensors')
    changed(at, (tensors) => {
      const { data } = tensors['layers.1/moe.selected']
      data[4 * 2] = [0, 1, 2].find((expert) => expert !== data[4 * 2] && expert !== data[4 * 2 + 1])!
    })
    const { code, err } = await at.run('--device', device, '--replay-routes', 'c.safetensors', '--out', 'b.safetensors')
    expect(code, err).toBe(0)
    const [a, b] = ['a', 'b'].map((name) => readSafetensors(join(at.folder, `${name}.safetensors`)).y.values)
    const rows = Array.from({ length: 10 }, (_, token) =>
      [a, b].map((values) => values.subarray(token * 8, token * 8 + 8).join()),
    )
    expect(rows.flatMap(([before, after], token) => (before === after ? [] : [token]))).toEqual([4])
  }, 120_000)
})

test('routes of the reference steer a device', async () => {
  const at = await there(PLAIN)
  await at.run('--device', 'reference', '--record-routes', 'r.safetensors', '--out', 'a.safetensors')
  const { code, err } = await at.run(
    '--device',
    'cpu',
    '--replay-routes',
    'r.safetensors',
    '--compare',
    'a.safetensors',
    '--routing',
    'report.json',
    '--compare-routes',
    'r.safetensors',
  )
  expect(code, err).toBe(0)
  const { replayed, layers } = readReport(at.read('report.json') ?? '', 'report.json')
  expect(replayed).toBe('r.safetensors')
  expect(layers.map(({ against }) => against?.changeSet)).toEqual([0, 0])
})

describe('what does not fit is refused', () => {
  const tensors =
    (name: string, change: (tensor: FileData) => FileData) =>
    (all: Record<string, FileData>): void =>
      void (all[name] = change(all[name]))
  const put = (name: string, at: number, value: number) =>
    tensors(name, ({ shape, data }) => ({ shape, data: data.map((old, i) => (i === at ? value : old)) as FileData['data'] }))
  const half = ({ shape: [tokens, k], data }: FileData): FileData => ({
    shape: [tokens / 2, k],
    data: data.slice(0, data.length / 2),
  })
  const one = JSON.stringify([{ name: 'layers.0/moe', experts: 6 }])
  const more = JSON.stringify([0, 1, 2].map((at) => ({ name: `layers.${at}/moe`, experts: 6 })))

  const wrong: readonly [string, number, (all: Record<string, FileData>) => void, RegExp, string?][] = [
    [
      'a missing layer',
      2,
      (all) => ['selected', 'weights'].forEach((what) => delete all[`layers.1/moe.${what}`]),
      /c\.safetensors: lacks layer layers\.1\/moe of the model; it has layers\.0\/moe$/m,
      one,
    ],
    ['a tensor of no layer', 2, () => {}, /tensor 'layers\.1\/moe\.selected' belongs to none of the layers/, one],
    [
      'a layer that the model does not have',
      2,
      (all) => ['selected', 'weights'].forEach((what) => (all[`layers.2/moe.${what}`] = all[`layers.0/moe.${what}`])),
      /has layer layers\.2\/moe, which the model does not have; it has layers\.0\/moe, layers\.1\/moe/,
      more,
    ],
    ['a tensor that is missing', 5, (all) => delete all['layers.1/moe.weights'], /has no tensor 'layers\.1\/moe\.weights'/],
    [
      'a shape that is none',
      2,
      tensors('layers.0/moe.weights', ({ data }) => ({ shape: [20], data })),
      /layers\.0\/moe: choices \[10, 2\] and weights \[20\] are not both \[T, k\]/,
    ],
    [
      'other tokens',
      2,
      (all) => ['selected', 'weights'].forEach((what) => (all[`layers.0/moe.${what}`] = half(all[`layers.0/moe.${what}`]))),
      /layers\.0\/moe: is recorded with 5 tokens, the run has 10/,
    ],
    [
      'other slots',
      2,
      (all) =>
        ['selected', 'weights'].forEach(
          (what) => (all[`layers.0/moe.${what}`] = { ...half(all[`layers.0/moe.${what}`]), shape: [10, 1] }),
        ),
      /is recorded with 1 slots a token, the model has 2/,
    ],
    [
      'an expert that is not there',
      2,
      put('layers.1/moe.selected', 3, 6),
      /layers\.1\/moe: token 1 chose expert 6 of 6, from 0 to 5; -1 is a dropped slot/,
    ],
    ['an expert below a dropped one', 2, put('layers.1/moe.selected', 0, -2), /token 0 chose expert -2 of 6/],
    [
      'a weight that is no number',
      4,
      put('layers.1/moe.weights', 5, NaN),
      /layers\.1\/moe\.weights: 1 of 20 values are not finite, the first at 5/,
    ],
    [
      'a dropped slot that weighs',
      2,
      put('layers.1/moe.selected', 3, -1),
      /layers\.1\/moe: slot 1 of token 1 is dropped and weighs 0\.\d+/,
    ],
    ['other experts', 2, () => {}, /is recorded with 8 experts, the model has 6/, METADATA['smoe.routes'].replaceAll('6', '8')],
  ]
  test.each(wrong)('%s', async (_, expected, change, message, layers = METADATA['smoe.routes']) => {
    const at = await there(PLAIN)
    await at.run('--device', 'reference', '--record-routes', 'r.safetensors')
    changed(at, change, { 'smoe.routes': layers })
    const { code, out, err } = await at.run('--device', 'reference', '--replay-routes', 'c.safetensors')
    expect({ code, out }).toEqual({ code: expected, out: '' })
    expect(err).toMatch(message)
  })

  test('another run', async () => {
    const at = await there(PLAIN)
    await at.run('--device', 'reference', '--record-routes', 'r.safetensors')
    const { code, err } = await at.run('--device', 'reference', '--replay-routes', 'r.safetensors', '--short')
    expect(code).toBe(2)
    expect(err).toContain('r.safetensors: layers.0/moe: is recorded with 10 tokens, the run has 3')
  })

  test('what the model forbids', async () => {
    const at = await there('route top_k(k = 2); require dropless')
    await at.run('--device', 'reference', '--record-routes', 'r.safetensors')
    changed(at, (all) => {
      put('layers.1/moe.selected', 3, -1)(all)
      put('layers.1/moe.weights', 3, 0)(all)
    })
    const { code, err } = await at.run('--device', 'reference', '--replay-routes', 'c.safetensors')
    expect(code).toBe(2)
    expect(err).toContain('layers.1/moe: slot 1 of token 1 is dropped, and the model requires `dropless`')
  })

  test('a file that is not there, one that is no record, and a model without experts', async () => {
    const at = await there(PLAIN)
    expect(await at.run('--device', 'reference', '--replay-routes', 'y.safetensors')).toMatchObject({
      code: 2,
      err: expect.stringContaining("there is no file 'y.safetensors'"),
    })
    expect(await at.run('--device', 'reference', '--replay-routes', 'x.safetensors')).toMatchObject({
      code: 2,
      err: expect.stringContaining('x.safetensors: is not a record of routes'),
    })
    const plain = place({
      'plain.smoe': 'model plain() {\n  input x: f32[T]\n  output y: f32[T] = x + x\n}\n',
      'x.safetensors': encodeSafetensors({ x: { shape: [3], data: new Float32Array(3) } }),
    })
    const { code, err } = await plain.smoe(
      'run',
      'plain.smoe',
      '--in',
      'x=x.safetensors',
      '--replay-routes',
      'x.safetensors',
      '--device',
      'reference',
    )
    expect({ code, failed: err.split('\n').at(-2) }).toEqual({ code: 2, failed: 'smoe: plain has no routed layer' })
  })

  test('decisions are no inputs that --in could give', async () => {
    const at = await there(PLAIN)
    await at.run('--device', 'reference', '--record-routes', 'r.safetensors')
    const { code, err } = await at.run(
      '--device',
      'reference',
      '--replay-routes',
      'r.safetensors',
      '--in',
      'layers.0/moe.selected=r.safetensors',
    )
    expect(code).toBe(2)
    expect(err).toContain("two has no input 'layers.0/moe.selected'")
  })
})
