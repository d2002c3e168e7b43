import fc from 'fast-check'
import { expect, test } from 'vitest'
import { uniformAt } from '../../plan/philox.ts'
import { permutation, stream } from '../../training/random.ts'
import { assertProperty } from '../support/property.ts'

test('a permutation has every number once, and the seed and the name make it', () => {
  assertProperty(
    fc.property(fc.nat(200), fc.nat(), (count, seed) => {
      const order = permutation(count, stream(seed, 'shuffle', 'epoch 0'))
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, at) => at))
      expect(permutation(count, stream(seed, 'shuffle', 'epoch 0'))).toEqual(order)
    }),
  )
  const of = (seed: number, name: string): string => permutation(50, stream(seed, 'shuffle', name)).join()
  expect(new Set([of(1, 'epoch 0'), of(2, 'epoch 0'), of(1, 'epoch 1')]).size).toBe(3)
})

test('every place of a permutation is as likely as another', () => {
  const places = new Uint32Array(25)
  const runs = 4000
  for (let run = 0; run < runs; run++)
    for (const [at, value] of permutation(5, stream(run, 'shuffle', 'x')).entries()) places[value * 5 + at]++
  // 4000 draws of 1/5: a deviation of 25
  for (const count of places) expect(Math.abs(count - runs / 5)).toBeLessThan(130)
})

test('domains, names and the numbers of a device do not repeat each other', () => {
  const first = (numbers: (index: number) => number): string => Array.from({ length: 8 }, (_, at) => numbers(at)).join()
  const texts = (['weights', 'shuffle', 'competition', 'split'] as const).flatMap((domain) =>
    ['a', 'b', 'layers.0/moe'].map((name) => first(stream(3, domain, name).uniform)),
  )
  const devices = [0, 1, 2].map((number) => first((index) => uniformAt(3, 0, number, index)))
  expect(new Set([...texts, ...devices]).size).toBe(15)
})

test('numbers are drawn in any order', () => {
  const { uniform } = stream(9, 'weights', 'w')
  const forward = Array.from({ length: 20 }, (_, at) => uniform(at))
  expect(Array.from({ length: 20 }, (_, at) => uniform(19 - at)).reverse()).toEqual(forward)
})
