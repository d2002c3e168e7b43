import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fits } from '../../../compiler/model/train/pattern.ts'
import { assertProperty } from '../../support/property.ts'

const text = fc.stringMatching(/^[ab.]{0,6}$/)
const pattern = fc.stringMatching(/^[ab.*]{0,6}$/)

/** The same by a way that is plainly right. */
const slowly = (one: string, path: string): boolean => {
  if (one === '') return path === ''
  if (one[0] === '*') return slowly(one.slice(1), path) || (path !== '' && slowly(one, path.slice(1)))
  return path !== '' && one[0] === path[0] && slowly(one.slice(1), path.slice(1))
}

test('a star is any run of characters, all else is itself', () => {
  assertProperty(
    fc.property(pattern, text, (one, path) => {
      expect(fits(one, path)).toBe(slowly(one, path))
    }),
    2000,
  )
})

test('paths of weights', () => {
  expect(fits('*.router.*', 'layers.0.moe.router.gate')).toBe(true)
  expect(fits('*.gain', 'final_norm.gain')).toBe(true)
  expect(fits('layers.*.moe', 'layers.0.moe.router.gate')).toBe(false)
  expect(fits('embed', 'embed')).toBe(true)
  expect(fits('aba*ba', 'aba')).toBe(false)
})
