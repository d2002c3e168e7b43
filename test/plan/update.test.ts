import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { LearnedWeight, Optimiser } from '../../plan/recipe.ts'
import { bundleWeights, memoryNames, memoryWords, movedWeights, updateInputs } from '../../plan/update.ts'
import { assertProperty } from '../support/property.ts'

const adamw: Optimiser = { kind: 'adamw', rate: 1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, decay: 0 }
const sgd: Optimiser = { kind: 'sgd', rate: 1, momentum: 0, nesterov: false, decay: 0 }
const weight = (name: string, shape: readonly number[], rate = 1, decay = 0): LearnedWeight => ({
  name,
  shape,
  rate,
  decay,
  initialiser: { kind: 'zeros' },
  fanIn: 1,
})

test('what optimisers remember', () => {
  expect(memoryWords(adamw)).toEqual(['first', 'second'])
  expect(memoryWords(sgd)).toEqual([])
  expect(memoryWords({ ...sgd, momentum: 0.9 })).toEqual(['momentum'])
  expect(memoryWords({ kind: 'lion', rate: 1, beta1: 0.9, beta2: 0.99, decay: 0 })).toEqual(['momentum'])
  expect(memoryNames({ weights: [weight('a', []), weight('frozen', [], 0), weight('b', [])], optimiser: adamw })).toEqual([
    'first.a',
    'second.a',
    'first.b',
    'second.b',
  ])
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
  const { moved, bundles } = bundleWeights({ weights, optimiser: adamw }, 2047)
  expect(moved).toEqual([
    { name: 'bundle 0', shape: [1024], rate: 1, decay: 0.1, half: false },
    { name: 'bundle 1', shape: [1024], rate: 1, decay: 0, half: false },
    { name: 'd', shape: [2000], rate: 1, decay: 0, half: false },
  ])
  expect(bundles.map(({ name }) => name)).toEqual([
    'bundle 0',
    'bundle 1',
    'gradient.bundle 0',
    'gradient.bundle 1',
    'first.bundle 0',
    'first.bundle 1',
    'second.bundle 0',
    'second.bundle 1',
  ])
  expect(bundles[4]).toEqual({
    name: 'first.bundle 0',
    dtype: 'f32',
    elements: 1024,
    members: [
      { name: 'first.a', shape: [3, 5], at: 0 },
      { name: 'first.c', shape: [100], at: 64 },
    ],
  })
  expect(movedWeights({ weights }).map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd'])
})

test('every weight that moves lies in one bundle, apart from the others and within its limit', () => {
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
      const halved = new Set(weights.filter((_, at) => given[at].half).map(({ name }) => name))
      const { moved, bundles } = bundleWeights({ weights, optimiser: sgd }, most, halved)
      const own = bundles.filter(({ name }) => name.startsWith('bundle'))
      const alone = moved.filter(({ name }) => name.startsWith('w')).map(({ name }) => name)
      expect([...own.flatMap(({ members }) => members.map(({ name }) => name)), ...alone].toSorted()).toEqual(
        movedWeights({ weights })
          .map(({ name }) => name)
          .toSorted(),
      )
      for (const { name, elements, members } of own) {
        const copy = bundles.find((bundle) => bundle.name === `half.${name}`)
        const isHalf = members.some((member) => halved.has(member.name))
        expect(members.every((member) => halved.has(member.name) === isHalf)).toBe(true)
        expect(copy).toEqual(
          isHalf
            ? {
                name: `half.${name}`,
                dtype: 'f16',
                elements,
                members: members.map((member) => ({ ...member, name: `half.${member.name}` })),
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
