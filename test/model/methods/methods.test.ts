import { expect, test } from 'vitest'
import { GROUP, INITIALISERS, NUMBERS, OPTIMISERS, SCHEDULES } from '../../../compiler/model/methods/methods.ts'
import { isAllowed, rangeText, signatureOf, type Method, type Setting } from '../../../compiler/model/methods/setting.ts'

const methods: readonly (readonly [string, Method])[] = [OPTIMISERS, SCHEDULES, INITIALISERS, { GROUP }].flatMap((table) =>
  Object.entries<Method>(table),
)
const settings: readonly (readonly [string, Setting])[] = [
  ...methods.flatMap(([, method]) => Object.entries(method.settings)),
  ...Object.entries(NUMBERS),
]

test('every method and setting is told in words, and every default is allowed', () => {
  for (const [, { doc }] of methods) expect(doc).toMatch(/^[A-Z0-9].*\.$/)
  for (const [, setting] of settings) {
    expect(setting.doc).toMatch(/^[a-z].*[^.]$/)
    if (setting.default !== null) expect(isAllowed(setting, setting.default)).toBe(true)
  }
})

test('ends of ranges', () => {
  const { rate, momentum } = OPTIMISERS.sgd.settings
  expect([rate, momentum, NUMBERS.clip, SCHEDULES.linear.settings.final].map(rangeText)).toEqual([
    '0 or more',
    '0 or more and below 1',
    'above 0',
    'from 0 to 1',
  ])
  expect([-1, 0, 1].map((value) => isAllowed(rate, value))).toEqual([false, true, true])
  expect([0, 0.99, 1].map((value) => isAllowed(momentum, value))).toEqual([true, true, false])
  expect([0, 1e-9].map((value) => isAllowed(NUMBERS.clip, value))).toEqual([false, true])
})

test('signatures', () => expect(signatureOf('cosine', SCHEDULES.cosine)).toBe('cosine(warmup: int = 0, final: real = 0)'))
