import fc from 'fast-check'
import { expect, test } from 'vitest'
import { windowsOf } from '../../../analysis/eval/windows.ts'
import { assertProperty } from '../../support/property.ts'

test('windows without overlap score each token but their first', () => {
  expect(windowsOf(7, 3, 3)).toEqual([
    { start: 0, end: 3, fresh: 0, scored: 1 },
    { start: 3, end: 6, fresh: 3, scored: 4 },
    { start: 6, end: 7, fresh: 6, scored: 7 },
  ])
})

test('windows with a stride score what earlier ones did not', () => {
  expect(windowsOf(7, 4, 2)).toEqual([
    { start: 0, end: 4, fresh: 0, scored: 1 },
    { start: 2, end: 6, fresh: 4, scored: 4 },
    { start: 4, end: 7, fresh: 6, scored: 6 },
  ])
})

test('no tokens have no window', () => {
  expect(windowsOf(0, 4, 2)).toEqual([])
})

test('each token is fresh once, each but those at the start of a window without context is scored once', () => {
  const sizes = fc.tuple(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 2, max: 40 }), fc.integer({ min: 1, max: 40 }))
  assertProperty(
    fc.property(sizes, ([tokens, context, wanted]) => {
      const stride = Math.min(wanted, context)
      const windows = windowsOf(tokens, context, stride)
      const fresh = windows.flatMap((one) => Array.from({ length: one.end - one.fresh }, (_, at) => one.fresh + at))
      expect(fresh).toEqual(Array.from({ length: tokens }, (_, at) => at))
      const scored = windows.flatMap((one) => Array.from({ length: one.end - one.scored }, (_, at) => one.scored + at))
      const without = new Set(windows.filter((one) => one.fresh === one.start).map(({ start }) => start))
      expect(scored).toEqual(fresh.filter((token) => !without.has(token)))
      for (const { start, end } of windows) expect(end - start).toBeLessThanOrEqual(context)
    }),
  )
})
