import { expect, it } from 'vitest'
import { check } from '../../compiler/model/check.ts'
import { parse } from '../../grammar/parse.ts'
import { load } from '../support/sources.ts'

function codesOf(text: string, set: Record<string, number> = {}): readonly string[] {
  const { file, diagnostics } = parse({ path: 'm.smoe', text })
  return [...diagnostics, ...check(file, { load, set }).diagnostics].map(({ code }) => code)
}

const model = (k: string): string => `
import { swiglu } from "std/experts/swiglu"
import { top_k } from "std/policies/top_k"

model m(D: int in 1.. = 8) {
  input x: f32[T, D]
  output y = moe(x) {
    experts 4 of swiglu(F = 8)
    route top_k(k = ${k})
  }
}
`

it.each(['9k', '0x2', '99999999999999999999'])('a number that cannot be read is one mistake: %s', (k) => {
  expect(codesOf(model(k))).toEqual(['SMOE1003'])
})

it('a size that no number holds exactly is refused, not a fault of ours', () => {
  expect(codesOf(model('2'), { D: 99999999999999999999 })).toEqual(['SMOE3003'])
})
