import fc from 'fast-check'
import { expect, test } from 'vitest'
import { balance } from '../../../runtime/routing/balance.ts'
import { load, type Load } from '../../../runtime/routing/load.ts'
import { maxVio } from '../../../runtime/routing/max-vio.ts'
import { anyLayer } from './layers.ts'
import { assertProperty } from '../../support/property.ts'

const loads = (...counts: readonly number[]): Load => ({
  counts,
  kept: counts.reduce((sum, count) => sum + count, 0),
  dropped: 0,
})

test('the ends of the band belong to it', () => {
  expect(balance(loads(95, 105, 100), 5)).toEqual({
    within: 5,
    mean: 100,
    farthest: { expert: 0, load: 95, percent: 5 },
    outside: [],
    least: 0,
  })
  expect(balance(loads(94, 106, 100), 5)).toMatchObject({ outside: [0, 1], farthest: { expert: 0, load: 94, percent: 6 } })
})

test('an end that no binary fraction is belongs to it as well', () => {
  for (const [within, mean] of [
    [0.29, 10_000],
    [1.1, 1000],
    [0.7, 1000],
    [0.1, 3000],
  ]) {
    const off = Math.round((within * mean) / 100)
    expect(balance(loads(mean - off, mean + off), within).outside).toEqual([])
    expect(balance(loads(mean - off - 1, mean + off + 1), within).outside).toEqual([0, 1])
  }
})

test('the mean is that of the kept assignments, whatever was dropped', () => {
  expect(balance({ counts: [2, 2], kept: 4, dropped: 6 }, 1)).toMatchObject({ mean: 2, outside: [] })
})

test('without assignments nothing is out of balance', () => {
  expect(balance(loads(0, 0, 0), 5)).toEqual({ within: 5, mean: 0, farthest: null, outside: [], least: 0 })
})

test('loads are whole numbers: so far off is some of them at least', () => {
  expect(balance(loads(3, 2, 3, 2), 5)).toMatchObject({ mean: 2.5, outside: [0, 1, 2, 3], least: 20 })
  expect(balance(loads(1, 1, 0, 0), 5)).toMatchObject({ mean: 0.5, least: 100 })
})

test('of any routing', () => {
  assertProperty(
    fc.property(anyLayer, fc.double({ min: 0.01, max: 300, noNaN: true }), (layer, within) => {
      const told = load(layer)
      const { outside, farthest, least, mean } = balance(told, within)
      if (told.kept === 0) return
      const percents = told.counts.map((count) => (100 * Math.abs(count - mean)) / mean)
      expect(farthest!.percent).toBe(Math.max(...percents))
      expect(farthest!.percent).toBeGreaterThanOrEqual(least - 1e-9)
      expect(farthest!.percent).toBeGreaterThanOrEqual(100 * maxVio(told)! - 1e-9)
      expect(outside.length === 0).toBe(!(farthest!.percent > within * (1 + 1e-12)))
      for (const expert of outside) expect(percents[expert]).toBeGreaterThan(within)
    }),
  )
})
