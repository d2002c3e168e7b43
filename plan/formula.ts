/** Formulas as data: how a recipe describes a rate that changes from step to step. */

import { OPERATORS, power } from './arithmetic.ts'

/** `step`, from 0, and `progress`, 0 at the first step and 1 at the last. */
export type ProgressVariable = 'step' | 'progress'

export interface TrainingProgress extends Readonly<Record<ProgressVariable, number>> {}

/** Step `step` of a run of `steps`. The progress of a run of one step is 0. */
export const progressAt = (step: number, steps: number): TrainingProgress => ({ step, progress: step / Math.max(1, steps - 1) })

/** Operators, and functions by the names of the builtins. */
const OPERATIONS = {
  ...OPERATORS,
  negate: (a: number) => -a,
  minimum: Math.min,
  maximum: Math.max,
  abs: Math.abs,
  floor: Math.floor,
  sqrt: Math.sqrt,
  exp: Math.exp,
  log: Math.log,
  cos: Math.cos,
  sin: Math.sin,
  power,
} as const satisfies Readonly<Record<string, (...values: never[]) => number | boolean>>

export type FormulaOperation = keyof typeof OPERATIONS

/** `['*', 0.1, ['-', 1, 'progress']]` is 0.1 * (1 - progress). */
export type Formula = number | boolean | ProgressVariable | readonly [FormulaOperation, ...Formula[]]

export const FORMULA_OPERATIONS = Object.keys(OPERATIONS) as readonly FormulaOperation[]

export const isFormulaOperation = (word: string): word is FormulaOperation => Object.hasOwn(OPERATIONS, word)

/** The value of a formula in a step. */
export function formulaAt(formula: Formula, moment: TrainingProgress): number | boolean {
  if (typeof formula === 'string') return moment[formula]
  if (typeof formula !== 'object') return formula
  const [operation, ...operands] = formula
  const compute = OPERATIONS[operation] as (...values: readonly (number | boolean)[]) => number | boolean
  return compute(...operands.map((operand) => formulaAt(operand, moment)))
}

const isInfix = (operation: FormulaOperation): boolean => !/^[a-z]/.test(operation) || operation === 'and' || operation === 'or'

/** `0.1 * (1 - progress)` */
export function formulaText(formula: Formula): string {
  if (typeof formula !== 'object') return String(formula)
  const [operation, ...operands] = formula
  const texts = operands.map(formulaText)
  const tight = texts.map((text, at) => (typeof operands[at] === 'object' && isInfix(operands[at][0]) ? `(${text})` : text))
  if (isInfix(operation)) return tight.join(` ${operation} `)
  if (operation === 'negate') return `-${tight[0]}`
  if (operation === 'not') return `not ${tight[0]}`
  if (operation === 'if') return `if ${texts[0]} then ${texts[1]} else ${texts[2]}`
  return `${operation}(${texts.join(', ')})`
}
