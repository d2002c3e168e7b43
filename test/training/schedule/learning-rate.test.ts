import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RateSchedule } from '../../../plan/recipe.ts'
import { learningRateFactor } from '../../../training/schedule/learning-rate.ts'
import { assertProperty } from '../../support/property.ts'

const over = (schedule: RateSchedule, steps: number): number[] =>
  Array.from({ length: steps }, (_, step) => learningRateFactor(schedule, step, steps))

test('rises over the warm-up, then stays, falls straight, or by a cosine', () => {
  expect(over({ kind: 'constant', warmup: 4 }, 6)).toEqual([0.25, 0.5, 0.75, 1, 1, 1])
  expect(over({ kind: 'linear', warmup: 2, final: 0 }, 6)).toEqual([0.5, 1, 0.75, 0.5, 0.25, 0])
  const cosine = over({ kind: 'cosine', warmup: 0, final: 0.1 }, 5)
  expect(cosine[0]).toBe(1)
  expect(cosine[2]).toBeCloseTo(0.55, 12)
  expect(cosine[4]).toBeCloseTo(0.1, 12)
})

test('a run of one step has the whole rate, and what is longer than planned keeps the last', () => {
  expect(over({ kind: 'cosine', warmup: 0, final: 0 }, 1)).toEqual([1])
  expect(over({ kind: 'linear', warmup: 9, final: 0 }, 3)).toEqual([1 / 9, 2 / 9, 3 / 9])
  expect(learningRateFactor({ kind: 'linear', warmup: 2, final: 0.2 }, 100, 6)).toBeCloseTo(0.2, 12)
})

test('is above 0 and at most 1, rises to the end of the warm-up and falls from there', () => {
  const kinds = fc.constantFrom('constant', 'linear', 'cosine')
  assertProperty(
    fc.property(
      kinds,
      fc.nat(20),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      fc.integer({ min: 1, max: 60 }),
      (kind, warmup, final, steps) => {
        const factors = over({ kind, warmup, final } as RateSchedule, steps)
        for (const [step, factor] of factors.entries()) {
          expect(factor).toBeGreaterThan(0)
          expect(factor).toBeLessThanOrEqual(1)
          if (step > 0) expect(Math.sign(factor - factors[step - 1]) * (step < warmup ? 1 : -1)).toBeGreaterThanOrEqual(0)
        }
        if (kind !== 'constant' && steps > warmup + 1) expect(factors[steps - 1]).toBeCloseTo(final, 12)
      },
    ),
  )
})
