/**
 * NaN and infinite values in what a run gives: everything is written, the rows are named, and the exit code is 4, whatever else
 * was asked for.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { encodeSafetensors, type FileData } from '../../runtime/index.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { place } from './harness.ts'

const fixture = (name: string): Uint8Array => readFileSync(join('test/fixtures/cases/nan-row', name))

const SEVERAL = `model several(D: int = 3) {
  input x: f32[B, S, D]
  input n: i32[N]
  output whole: i32[N] = n + 1
  output fine: f32[B, S, D] = cast(x > 0.0, "f32")
  output rows: f32[B, S, D] = x * 2.0
  output each: f32[B] = sum(sum(x, axis = -1), axis = -1)
}
`

const there = (more: Readonly<Record<string, string | Uint8Array>> = {}) =>
  place({
    'm.smoe': fixture('m.smoe'),
    'w.safetensors': fixture('w.safetensors'),
    'in.safetensors': fixture('in.safetensors'),
    'several.smoe': SEVERAL,
    ...more,
  })

const tensors = (values: Readonly<Record<string, FileData>>): Uint8Array => encodeSafetensors(values)
const of = (...values: readonly number[]): Float32Array => Float32Array.from(values)

describe.each(['reference', 'cpu'])('on %s', (device) => {
  const run = ['run', 'm.smoe', '--weights', 'w.safetensors', '--in', 'x=in.safetensors:x', '--device', device] as const

  it.each([
    ['alone', []],
    ['with the routes recorded', ['--record-routes', 'routes.safetensors']],
    ['with a report of the routes', ['--routing', 'report.json']],
    ['beside numbers that differ', ['--compare', 'others.safetensors']],
    ['for programs', ['--format', 'json']],
  ] as const)('keeps the rows that are finite and names the others, %s', async (_, more) => {
    const { smoe, folder } = there({ 'others.safetensors': tensors({ y: { shape: [17, 16], data: new Float32Array(272) } }) })
    const { code, err } = await smoe(...run, '--out', 'out.safetensors', ...more)
    expect(code, err).toBe(4)
    expect(err).toContain('smoe: y: 32 of 272 values are not finite, in rows 3 and 11 of 17')
    const data = readSafetensors(join(folder, 'out.safetensors')).y.values
    const finite = Array.from({ length: 17 }, (__, row) =>
      data.subarray(row * 16, row * 16 + 16).every((value) => Number.isFinite(Number(value))),
    )
    expect(finite.flatMap((isFinite, row) => (isFinite ? [] : [row]))).toEqual([3, 11])
  })

  it('writes a record with such weights as it was, whose reading is refused, and no report', async () => {
    const { smoe, folder, read } = there()
    const { code, err } = await smoe(...run, '--record-routes', 'routes.safetensors', '--routing', 'report.json')
    expect(code, err).toBe(4)
    expect(err).toContain('no routing report is written to report.json: moe.weights is not finite in rows 3 and 11 of 17')
    expect(read('report.json')).toBeNull()
    expect(readSafetensors(join(folder, 'routes.safetensors'))['moe.selected'].values).toHaveLength(34)
    const again = await smoe(...run, '--replay-routes', 'routes.safetensors')
    expect([again.code, again.err]).toEqual([4, expect.stringContaining('moe.weights: 4 of 34 values are not finite')])
  })

  it('says the same of a model whose routes are checked', async () => {
    const spec = new TextDecoder()
      .decode(fixture('m.smoe'))
      .replace('require dropless', 'require dropless\n    require balanced within 900%')
    const { smoe, folder } = there({ 'm.smoe': spec })
    const { code, err } = await smoe(...run, '--out', 'out.safetensors')
    expect(code, err).toBe(4)
    expect(err).toContain('y: 32 of 272 values are not finite, in rows 3 and 11 of 17')
    expect(readSafetensors(join(folder, 'out.safetensors')).y.values).toHaveLength(272)
  })

  it('tells programs the rows as numbers', async () => {
    const { smoe } = there()
    const { out } = await smoe(...run, '--format', 'json')
    expect(JSON.parse(out)).toMatchObject({
      nonFinite: [{ name: 'y', count: 32, elements: 272, first: 48, rows: [3, 11], rowShape: [17] }],
    })
  })

  it.each([
    [
      'one row of several axes',
      of(1, 2, 3, 4, Infinity, 6, 7, 8, 9, 1, 1, 1),
      ['rows: 1 of 12 values are not finite, in row [0, 1] of 4', 'each: 1 of 2 values are not finite, in row 0 of 2'],
    ],
    [
      'infinite values alone',
      of(1, 2, 3, 4, -Infinity, 6, 7, Infinity, 9, 1, 1, 1),
      [
        'rows: 2 of 12 values are not finite, in rows [0, 1] and [1, 0] of 4',
        'each: 2 of 2 values are not finite, in all 2 rows',
      ],
    ],
    [
      'all',
      new Float32Array(12).fill(NaN),
      ['rows: 12 of 12 values are not finite, in all 4 rows', 'each: 2 of 2 values are not finite, in all 2 rows'],
    ],
    ['none', new Float32Array(12), []],
  ] as const)('of several outputs, whole numbers among them: %s', async (_, x, messages) => {
    const { smoe, folder } = there({
      'in.safetensors': tensors({ x: { shape: [2, 2, 3], data: x }, n: { shape: [2], data: Int32Array.of(5, -1) } }),
    })
    const { code, err } = await smoe(
      'run',
      'several.smoe',
      '--in',
      'x=in.safetensors',
      '--in',
      'n=in.safetensors',
      '--out',
      'out.safetensors',
      '--device',
      device,
    )
    expect(code, err).toBe(messages.length === 0 ? 0 : 4)
    expect(err.match(/.*not finite.*/g)?.map((line) => line.replace(/^smoe: | {2}/, '')) ?? []).toEqual(messages)
    expect(readSafetensors(join(folder, 'out.safetensors')).whole.values).toEqual(Float64Array.of(6, 0))
  })
})
