import fc from 'fast-check'
import { expect, test } from 'vitest'
import { editJson, parseJson, writeJson } from '../../../runtime/checkpoint/json.ts'
import { assertProperty } from '../../support/property.ts'

test.each([
  ['[0.0, Infinity]', [0, Infinity]],
  ['{"a": -Infinity, "b": NaN}', { a: -Infinity, b: NaN }],
  ['{"Infinity": "NaN, -Infinity \\" Infinity", "b": [NaN]}', { Infinity: 'NaN, -Infinity " Infinity', b: [NaN] }],
  ['NaN', NaN],
  ['\ufeff{"a": 1}', { a: 1 }],
  ['{"a": 1, "a": 2}', { a: 2 }],
])('%s is read as Python reads it', (text, value) => {
  expect(parseJson(text)).toEqual(value)
})

test.each([
  'Infinity5',
  '[1Infinity]',
  '-NaN',
  '+Infinity',
  '--Infinity',
  'nan',
  'inf',
  '[Infinity',
  '{NaN: 1}',
  '{"a": Infinity,}',
  '"Infinity',
  'Infinity.0',
])('%s is refused', (text) => {
  expect(() => parseJson(text)).toThrow(SyntaxError)
})

test('a long string and a deep nest beside a named number are read in bounded time', () => {
  const long = 'x'.repeat(2_000_000)
  expect(parseJson(`["${long}", "\\\\${long}\\"", NaN]`)).toEqual([long, `\\${long}"`, NaN])
  for (const depth of [600, 100_000]) {
    expect(() => parseJson(`${'['.repeat(depth)}NaN`)).toThrow(SyntaxError)
    expect(() => parseJson(`${'['.repeat(depth)}NaN${']'.repeat(depth)}`)).toThrow(SyntaxError)
    expect(() => parseJson(`${'{"a":'.repeat(depth)}0${'}'.repeat(depth)}`)).toThrow('nested more than 512 deep')
  }
  expect(parseJson(`${'['.repeat(500)}${']'.repeat(500)}`)).toHaveLength(1)
})

test('what is written is read again', () => {
  assertProperty(
    fc.property(fc.anything({ maxDepth: 3, values: [fc.string(), fc.double(), fc.boolean(), fc.constant(null)] }), (value) => {
      const plain = JSON.stringify(value) === undefined ? null : value
      expect(parseJson(writeJson(plain))).toEqual(parseJson(writeJson(parseJson(writeJson(plain)))))
    }),
  )
  expect(writeJson({ limit: [0, Infinity, -Infinity, NaN] }, 0)).toBe('{"limit":[0,Infinity,-Infinity,NaN]}')
})

test('numbers that are not edited stay as they are written', () => {
  const text = '{"a": 1.0, "b": {"c": [1e5, NaN, -Infinity, 12345678901234567890], "1.0": "1.0 NaN"}, "d": 2}'
  const changed = editJson(text, [
    { path: ['d'], value: 3 },
    { path: ['b', 'e'], value: 1, isReal: true },
    { path: ['f'], value: 0.5, isReal: true },
    { path: ['a'], value: undefined },
  ])
  expect(changed.replaceAll(/\s+/g, '')).toBe(
    '{"b":{"c":[1e5,NaN,-Infinity,12345678901234567890],"1.0":"1.0NaN","e":1.0},"d":3,"f":0.5}',
  )
  expect(() => editJson('{"a": }', [])).toThrow(SyntaxError)
})

test('any file that nothing is edited in has the values that it had', () => {
  assertProperty(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const text = writeJson(value)
      expect(parseJson(editJson(text, []))).toEqual(parseJson(text))
    }),
  )
})
