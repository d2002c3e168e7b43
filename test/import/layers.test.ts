/** Conditions on the index of a layer: each is true for the layers that it was made from. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chosen, conditionOf, type Condition } from '../../cli/import/decoder/layers.ts'
import { assertProperty } from '../support/property.ts'

const holds = (condition: Condition, i: number): boolean =>
  typeof condition === 'boolean'
    ? condition
    : condition.split(' or ').some((part) => part.split(' and ').every((one) => isTrue(one, i)))

function isTrue(comparison: string, i: number): boolean {
  const [, step, operator, right] = /^i(?: % (\d+))? (<|>=|==|!=) (\d+)$/.exec(comparison)!
  const left = step === undefined ? i : i % Number(step)
  const by: Readonly<Record<string, boolean>> = {
    '<': left < Number(right),
    '>=': left >= Number(right),
    '==': left === Number(right),
    '!=': left !== Number(right),
  }
  return by[operator]
}

const flagsOf = (text: string): readonly boolean[] => [...text].map((digit) => digit === '1')

test.each([
  ['1111', true],
  ['0000', false],
  ['1', true],
  ['1000', 'i < 1'],
  ['0111', 'i >= 1'],
  ['0100', 'i == 1'],
  ['0110', 'i >= 1 and i < 3'],
  ['101010', 'i % 2 == 0'],
  ['11101110', 'i % 4 != 3'],
  ['10011000', 'i == 0 or i == 3 or i == 4'],
  ['1101101', 'i % 3 != 2'],
  ['110111110', 'i != 2 and i != 8'],
])('%s is %s', (flags, condition) => expect(conditionOf(flagsOf(flags))).toBe(condition))

test('a condition is true for the layers that it was made from', () => {
  assertProperty(
    fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 24 }), (flags) => {
      const condition = conditionOf(flags)!
      expect(flags.map((_, i) => holds(condition, i))).toEqual(flags)
    }),
    200,
  )
})

test('a choice that is none has no condition', () => {
  expect([chosen(true, 'W', '0'), chosen(false, 'W', '0'), chosen('i < 2', 'W', '0')]).toEqual([
    'W',
    '0',
    'if i < 2 then W else 0',
  ])
})

test('layers without a pattern are listed where they are few, and the search ends soon where they are many', () => {
  const scattered = (length: number): readonly boolean[] => Array.from({ length }, (_, i) => (i * i * 7 + i * 3) % 11 < 5)
  expect(conditionOf(scattered(40))).toMatch(/^i [!=]= \d+( (or|and) i [!=]= \d+)+$/)
  // minutes without a bound on the period
  expect(conditionOf(scattered(65_536))).toBeNull()
})
