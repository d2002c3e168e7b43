import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RecipeWeight, Optimiser } from '../../plan/recipe.ts'
import { bucketWeights, optimizerStateNames, optimizerStates, trainableWeights, updateInputs } from '../../plan/update.ts'
import { assertProperty } from '../support/property.ts'

const adamw: Optimiser = { kind: 'adamw', rate: 1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, decay: 0 }
const sgd: Optimiser = { kind: 'sgd', rate: 1, momentum: 0, nesterov: false, decay: 0 }
const weight = (name: string, shape: readonly number[], rate = 1, decay = 0): RecipeWeight => ({
  name,
  shape,
  rate,
  decay,
  initialiser: { kind: 'zeros' },
  fanIn: 1,
})

test('what optimisers remember', () => {
  expect(optimizerStates(adamw)).toEqual(['first', 'second'])
  expect(optimizerStates(sgd)).toEqual([])
  expect(optimizerStates({ ...sgd, momentum: 0.9 })).toEqual(['momentum'])
  expect(optimizerStates({ kind: 'lion', rate: 1, beta1: 0.9, beta2: 0.99, decay: 0 })).toEqual(['momentum'])
  expect(optimizerStateNames({ weights: [weight('a', []), weight('frozen', [], 0), weight('b', [])], optimiser: adamw })).toEqual(
    ['first.a', 'second.a', 'first.b', 'second.b'],
  )
})

test('inputs of an update', () => {
  expect(updateInputs({ optimiser: adamw, precision: 'f32' }, 0.5, 2)).toEqual({
    rate: 0.5,
    correction1: 1 / (1 - 0.9 ** 2),
    correction2: 1 / Math.sqrt(1 - 0.99 ** 2),
  })
  expect(updateInputs({ optimiser: sgd, precision: 'f32' }, 0.5, 2)).toEqual({ rate: 0.5 })
  expect(updateInputs({ optimiser: sgd, precision: 'mixed' }, 0.5, 2, 1024)).toEqual({ rate: 0.5, unscale: 2 ** -10 })
})

test('weights of one rate and one decay are brought together, with their gradients and states', () => {
  const weights = [
    weight('a', [3, 5], 1, 0.1),
    weight('b', [7]),
    weight('frozen', [4], 0),
    weight('c', [100], 1, 0.1),
    weight('d', [2000]),
  ]
  const { updated, buckets } = bucketWeights({ weights, optimiser: adamw }, 2047)
  expect(updated).toEqual([
    { name: 'bucket 0', shape: [1024], rate: 1, decay: 0.1, hasF16Copy: false },
    { name: 'bucket 1', shape: [1024], rate: 1, decay: 0, hasF16Copy: false },
    { name: 'd', shape: [2000], rate: 1, decay: 0, hasF16Copy: false },
  ])
  expect(buckets.map(({ name }) => name)).toEqual([
    'bucket 0',
    'bucket 1',
    'gradient.bucket 0',
    'gradient.bucket 1',
    'first.bucket 0',
    'first.bucket 1',
    'second.bucket 0',
    'second.bucket 1',
  ])
  expect(buckets[4]).toEqual({
    name: 'first.bucket 0',
    dtype: 'f32',
    elements: 1024,
    members: [
      { name: 'first.a', shape: [3, 5], at: 0 },
      { name: 'first.c', shape: [100], at: 64 },
    ],
  })
  expect(trainableWeights({ weights }).map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd'])
})

test('every weight that moves lies in one bucket, apart from the others and within its limit', () => {
  const some = fc.array(
    fc.record({
      size: fc.integer({ min: 0, max: 3000 }),
      rate: fc.constantFrom(0, 1, 2),
      decay: fc.constantFrom(0, 0.1),
      half: fc.boolean(),
    }),
    { maxLength: 20 },
  )
  assertProperty(
    fc.property(some, fc.integer({ min: 0, max: 5000 }), (given, most) => {
      const weights = given.map(({ size, rate, decay }, at) => weight(`w${at}`, [size], rate, decay))
      const f16Weights = new Set(weights.filter((_, at) => given[at].half).map(({ name }) => name))
      const { updated, buckets } = bucketWeights({ weights, optimiser: sgd }, most, f16Weights)
      const own = buckets.filter(({ name }) => name.startsWith('bucket'))
      const alone = updated.filter(({ name }) => name.startsWith('w')).map(({ name }) => name)
      expect([...own.flatMap(({ members }) => members.map(({ name }) => name)), ...alone].toSorted()).toEqual(
        trainableWeights({ weights })
          .map(({ name }) => name)
          .toSorted(),
      )
      for (const { name, elements, members } of own) {
        const copy = buckets.find((bucket) => bucket.name === `f16.${name}`)
        const isHalf = members.some((member) => f16Weights.has(member.name))
        expect(members.every((member) => f16Weights.has(member.name) === isHalf)).toBe(true)
        expect(copy).toEqual(
          isHalf
            ? {
                name: `f16.${name}`,
                dtype: 'f16',
                elements,
                members: members.map((member) => ({ ...member, name: `f16.${member.name}` })),
              }
            : undefined,
        )
        expect(elements).toBeLessThanOrEqual(most)
        expect(elements % 1024).toBe(0)
        let end = 0
        for (const { at, shape } of members) {
          expect(at % (isHalf ? 128 : 64)).toBe(0)
          expect(at).toBeGreaterThanOrEqual(end)
          end = at + shape[0]
        }
        expect(end).toBeLessThanOrEqual(elements)
      }
    }),
  )
})
