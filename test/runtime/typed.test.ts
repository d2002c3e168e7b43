import { expect, test } from 'vitest'
import { checkInputs, type TypedPort } from '../../runtime/typed.ts'

const ports: readonly TypedPort[] = [
  { name: 'tokens', dtype: 'i32', shape: ['B', 'S'] },
  { name: 'hidden', dtype: 'f32', shape: ['B', 'S', '8'] },
  { name: 'pairs', dtype: 'u32', shape: ['2*S'] },
]

const good = {
  tokens: { shape: [2, 3], data: new Int32Array(6) },
  hidden: { shape: [2, 3, 8], data: new Float32Array(48) },
  pairs: { shape: [6], data: new Uint32Array(6) },
}

test('gives the dims that the inputs mean', () => {
  expect(checkInputs(ports, good)).toEqual({ B: 2, S: 3 })
})

const wrong: readonly [string, object, RegExp][] = [
  [
    'too many values',
    { tokens: { shape: [2, 3], data: new Int32Array(8) } },
    /^RangeError: tokens: dimension S is 3 in the shape, but the 8 values make it 4$/,
  ],
  [
    'values that only the first axis can explain',
    { hidden: { shape: [2, 3, 8], data: new Float32Array(72) } },
    /dimension B is 2 in the shape, but the 72 values make it 3/,
  ],
  ['values that no axis explains', { tokens: { shape: [2, 3], data: new Int32Array(7) } }, /7 values do not fill B = 2, S = 3/],
  [
    'two inputs that disagree',
    { hidden: { shape: [2, 4, 8], data: new Float32Array(64) } },
    /hidden: dimension S \(axis 1\) is 3 by S = 3 of tokens, got 4/,
  ],
  [
    'a fixed size',
    { hidden: { shape: [2, 3, 9], data: new Float32Array(54) } },
    /hidden: dimension 8 \(axis 2\) is 8 in the model, got 9/,
  ],
  [
    'a computed size',
    { pairs: { shape: [5], data: new Uint32Array(5) } },
    /pairs: dimension 2\*S \(axis 0\) is 6 by S = 3 of tokens, got 5/,
  ],
  ['a wrong rank', { tokens: { shape: [6], data: new Int32Array(6) } }, /tokens: expected \[B, S\] of rank 2, got rank 1/],
  ['a wrong class', { tokens: { shape: [2, 3], data: new Float32Array(6) } }, /^TypeError: tokens: expected i32 values/],
  ['nothing', { tokens: undefined }, /^TypeError: tokens/],
]

for (const [name, change, message] of wrong) {
  test(`refuses ${name}`, () => {
    const check = (): string => {
      try {
        return JSON.stringify(checkInputs(ports, { ...good, ...change }))
      } catch (error) {
        return String(error)
      }
    }
    expect(check()).toMatch(message)
  })
}
