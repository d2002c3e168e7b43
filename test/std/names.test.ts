/** Old names of the standard library end in a diagnostic that has the new one. */
import { expect, test } from 'vitest'
import { checkSource } from '../support/check.ts'

test('contest_balance is competition_balance', () => {
  const text = `import { competition } from "std/policies/competition"
import { swiglu } from "std/experts/swiglu"
model m(D: int = 8) {
  input x: f32[T, D]
  output y: f32[T, D] = moe(x) {
    experts 4 of swiglu(F = 8)
    route competition(k = 2, contest_balance = 0.1)
  }
}`
  const [{ code, message, help }, ...others] = checkSource({ path: 'old.smoe', text }).diagnostics
  expect(others).toEqual([])
  expect({ code, message }).toEqual({ code: 'SMOE2008', message: 'competition has no parameter contest_balance' })
  expect(help).toMatch(/^its parameters are k, rate, .*\bcompetition_balance\b/)
})
