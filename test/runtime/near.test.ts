import { expect, test } from 'vitest'
import { nearNames } from '../../runtime/near.ts'

test('near names come nearest first, far ones not at all', () => {
  expect(nearNames('weight', ['wieght', 'weights', 'bias', 'height'])).toEqual(['height', 'weights', 'wieght'])
  expect(nearNames('a', ['zzzzzz'])).toEqual([])
})
