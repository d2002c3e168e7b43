import { expect, test } from 'vitest'
import { LAYER, place } from './harness.ts'

const UGLY = LAYER.replace('  input x: f32[T, D]', '      input   x : f32[ T,D ] // rows')

test('rewrites a file, keeps comments and names it', async () => {
  const there = place({ 'layer.smoe': UGLY, 'good.smoe': LAYER })
  expect(await there.smoe('fmt', 'layer.smoe', 'good.smoe')).toEqual({ code: 0, out: 'layer.smoe\n', err: '' })
  expect(there.read('layer.smoe')).toContain('input x: f32[T, D]')
  expect(there.read('layer.smoe')).toContain('// rows')
  expect(await there.smoe('fmt', 'layer.smoe')).toEqual({ code: 0, out: '', err: '' })
})

test('--check changes nothing and exits with 1', async () => {
  const there = place({ 'layer.smoe': UGLY })
  expect(await there.smoe('fmt', '--check', 'layer.smoe')).toEqual({
    code: 1,
    out: 'layer.smoe\n',
    err: '1 file is not in canonical form\n',
  })
  expect(there.read('layer.smoe')).toBe(UGLY)
})

test('from standard input to standard output', async () => {
  const { code, out } = await place({}, UGLY).smoe('fmt', '-')
  expect(code).toBe(0)
  expect(await place({}, out).smoe('fmt', '-')).toEqual({ code: 0, out, err: '' })
})

test('a file with mistakes stays as it is', async () => {
  const there = place({ 'broken.smoe': 'model m( {' })
  const { code, out, err } = await there.smoe('fmt', 'broken.smoe')
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toContain('1 file has mistakes and stayed as they are')
  expect(there.read('broken.smoe')).toBe('model m( {')
})

test('a list for programs', async () => {
  const there = place({ 'layer.smoe': UGLY, 'good.smoe': LAYER }, UGLY)
  const listed = await there.smoe('fmt', '--check', 'layer.smoe', 'good.smoe', '--format', 'json')
  expect({ code: listed.code, list: JSON.parse(listed.out) as unknown }).toEqual({ code: 1, list: ['layer.smoe'] })
  expect((await there.smoe('fmt', '-', '--format', 'json')).code).toBe(2)
})
