import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Initialiser, RecipeWeight } from '../../plan/recipe.ts'
import { initialise, initialWeight } from '../../training/initialise.ts'
import { recipeOf } from './recipes.ts'
import { assertProperty } from '../support/property.ts'

const weightOf = (initialiser: Initialiser, shape: readonly number[], name = 'w'): RecipeWeight => ({
  name,
  shape,
  initialiser,
  fanIn: shape.at(-1) ?? 1,
  rate: 1,
  decay: 0,
})
const valuesOf = (initialiser: Initialiser, shape: readonly number[], name?: string): Float32Array =>
  initialWeight(weightOf(initialiser, shape, name), 7).data as Float32Array

function moments(values: Float32Array): { readonly mean: number; readonly deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return { mean, deviation: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) }
}

test('constants', () => {
  expect([...valuesOf({ kind: 'zeros' }, [3])]).toEqual([0, 0, 0])
  expect([...valuesOf({ kind: 'ones' }, [2])]).toEqual([1, 1])
  expect([...valuesOf({ kind: 'constant', value: -0.5 }, [2])]).toEqual([-0.5, -0.5])
})

test.each<[Initialiser, number]>([
  [{ kind: 'normal', deviation: 0.02 }, 0.02],
  [{ kind: 'uniform', bound: 0.3 }, 0.3 / Math.sqrt(3)],
  [{ kind: 'fan', gain: 2 }, 2 / Math.sqrt(64)],
])('%o has its deviation and no mean', (initialiser, wanted) => {
  const { mean, deviation } = moments(valuesOf(initialiser, [500, 64]))
  expect(Math.abs(mean)).toBeLessThan(0.03 * wanted)
  expect(Math.abs(deviation / wanted - 1)).toBeLessThan(0.02)
})

test('normal numbers have the tails of the normal distribution', () => {
  const values = valuesOf({ kind: 'normal', deviation: 1 }, [100_000])
  const beyond = (bound: number): number => values.filter((value) => Math.abs(value) > bound).length / values.length
  expect(beyond(1)).toBeCloseTo(0.3173, 2)
  expect(beyond(2)).toBeCloseTo(0.0455, 2)
  expect(beyond(3)).toBeCloseTo(0.0027, 3)
  const neighbours = values.reduce((sum, value, at) => sum + (at === 0 ? 0 : value * values[at - 1]), 0) / values.length
  expect(Math.abs(neighbours)).toBeLessThan(0.02)
})

test('uniform numbers keep within their bound', () => {
  expect(valuesOf({ kind: 'uniform', bound: 0.5 }, [10_000]).every((value) => Math.abs(value) < 0.5)).toBe(true)
})

test('orthogonal: rows or columns are orthonormal times the gain, of each matrix of a bank', () => {
  const sizes = fc.integer({ min: 1, max: 12 })
  assertProperty(
    fc.property(fc.integer({ min: 1, max: 3 }), sizes, sizes, (bank, rows, columns) => {
      const values = valuesOf({ kind: 'orthogonal', gain: 3 }, [bank, rows, columns])
      for (let expert = 0; expert < bank; expert++) {
        const at = (row: number, column: number): number => values[(expert * rows + row) * columns + column]
        const isWide = rows <= columns
        const [few, many] = [Math.min(rows, columns), Math.max(rows, columns)]
        for (let i = 0; i < few; i++)
          for (let j = 0; j <= i; j++) {
            let dot = 0
            for (let k = 0; k < many; k++) dot += isWide ? at(i, k) * at(j, k) : at(k, i) * at(k, j)
            expect(dot).toBeCloseTo(i === j ? 9 : 0, 4)
          }
      }
    }),
    40,
  )
})

test('a weight is made of the seed and its path, whatever else there is', () => {
  const [one, other] = ['a', 'b'].map((name) => weightOf({ kind: 'normal', deviation: 1 }, [4, 4], name))
  const both = initialise(recipeOf({ weights: [other, one] }))
  expect(initialise(recipeOf({ weights: [one] })).a).toEqual(both.a)
  expect(both.a).not.toEqual(both.b)
  expect(initialise(recipeOf({ weights: [one], seed: 6 })).a).not.toEqual(both.a)
  expect(Object.keys(both)).toEqual(['b', 'a'])
})
