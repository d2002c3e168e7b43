import { expect, test } from 'vitest'
import { listedReasons } from '../../cli/import/import.ts'

test('several reasons have a line each', () => {
  expect(listedReasons(['a'])).toBe('a')
  expect(listedReasons(['a', 'b'])).toBe('2 reasons against it\n  a\n  b')
})

test('a lone surrogate in the name of a field is replaced', () => {
  expect(listedReasons(["'\ud800x' is unknown", '😀'])).toBe("2 reasons against it\n  '\ufffdx' is unknown\n  😀")
})
