import { expect, test } from 'vitest'
import { Rules } from '../../grammar/rules.ts'

test('the grammar has no ambiguity', () => {
  expect(() => new Rules(false)).not.toThrow()
})
