/** The functions that WebAssembly has no instruction for, by the names that kernels call them by, with their bounds. */
import type { FunctionBody } from '../function.ts'
import { emitVector, parameter, type Vector } from '../vector.ts'
import { error } from './error.ts'
import { exponential } from './exponential.ts'
import { sigmoid, softplus, tanh } from './hyperbolic.ts'
import { logarithm, logarithmOfOnePlus } from './logarithm.ts'
import { power } from './power.ts'
import { cosine, sine } from './trigonometric.ts'

export type MathName = 'exp' | 'log' | 'log1p' | 'sin' | 'cos' | 'tanh' | 'erf' | 'sigmoid' | 'softplus' | 'power'

export interface MathFunction {
  /** How many f32x4 it takes. */
  readonly operands: number
  /** The largest error in units in the last place; a result below 2^-126 may be 0. */
  readonly ulp: number
  readonly compute: (...operands: readonly Vector[]) => Vector
}

const unary = (ulp: number, compute: (x: Vector) => Vector): MathFunction => ({ operands: 1, ulp, compute: (x) => compute(x) })

export const MATH: { readonly [N in MathName]: MathFunction } = {
  exp: unary(1.5, exponential),
  log: unary(0.51, logarithm),
  log1p: unary(1, logarithmOfOnePlus),
  sin: unary(0.6, sine),
  cos: unary(0.6, cosine),
  tanh: unary(2, tanh),
  erf: unary(2, error),
  sigmoid: unary(3, sigmoid),
  softplus: unary(2, softplus),
  power: { operands: 2, ulp: 1, compute: (a, b) => power(a, b) },
}

/** The body of the function: f32x4 operands to one f32x4. */
export const emitMath = (name: MathName, body: FunctionBody): void =>
  emitVector(body, MATH[name].compute(...Array.from({ length: MATH[name].operands }, (_, index) => parameter(index))))
