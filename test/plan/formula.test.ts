import { expect, test } from 'vitest'
import { FORMULA_OPERATIONS, formulaAt, formulaText, progressAt, type Formula } from '../../plan/formula.ts'
import { PROGRESS_INPUTS, progressInputs } from '../../plan/progress-inputs.ts'

const falling: Formula = ['*', 0.1, ['-', 1, 'progress']]

test('progress is 0 at the first step and 1 at the last', () => {
  expect([0, 5, 10].map((step) => progressAt(step, 11).progress)).toEqual([0, 0.5, 1])
  expect(progressAt(0, 1)).toEqual({ step: 0, progress: 0 })
})

test('inputs hold the moment as f32', () => {
  const inputs = progressInputs(1, 4)
  expect(inputs[PROGRESS_INPUTS.step]).toEqual({ shape: [], data: Float32Array.of(1) })
  expect(inputs[PROGRESS_INPUTS.progress].data[0]).toBe(Math.fround(1 / 3))
})

test.each<[Formula, string, number | boolean]>([
  [0.25, '0.25', 0.25],
  ['step', 'step', 3],
  [falling, '0.1 * (1 - progress)', 0.05],
  [['if', ['<', 'step', 4], falling, 0], 'if step < 4 then 0.1 * (1 - progress) else 0', 0.05],
  [['minimum', ['/', 'step', 2], 1], 'minimum(step / 2, 1)', 1],
  [['and', ['not', ['>', 'step', 3]], true], 'not (step > 3) and true', true],
  [['%', ['-', 'step', 4], 10], '(step - 4) % 10', 9],
  [['negate', ['+', 'step', 1]], '-(step + 1)', -4],
])('%j is %s', (formula, text, value) => {
  expect(formulaText(formula)).toBe(text)
  expect(formulaAt(formula, { step: 3, progress: 0.5 })).toBe(value)
  expect(JSON.parse(JSON.stringify(formula))).toEqual(formula)
})

test('every operation gives a number or a truth value', () => {
  for (const operation of FORMULA_OPERATIONS) {
    const isLogic = ['and', 'or', 'not', 'if'].includes(operation)
    const value = formulaAt([operation, isLogic ? true : 0.5, isLogic ? false : 2, 3], { step: 0, progress: 0 })
    expect(['number', 'boolean'], operation).toContain(typeof value)
  }
})
