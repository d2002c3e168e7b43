/** The functions that WebAssembly has no instruction for, by the names that kernels call them by, with their bounds. */
import type { FunctionBody } from '../function.ts'
import { emitVector, parameter, type Vector } from '../vector.ts'
import { arctangent } from './arctangent.ts'
import { error } from './error.ts'
import { exponential } from './exponential.ts'
import { sigmoid, softplus, tanh } from './hyperbolic.ts'
import { logarithm, logarithmOfOnePlus } from './logarithm.ts'
import { philox } from './philox.ts'
import { power } from './power.ts'
import { emitRemainder } from './remainder.ts'
import { cosine, isFarAngle, nearCosine, nearSine, sine } from './trigonometric.ts'

export type FunctionName =
  | 'exp'
  | 'log'
  | 'log1p'
  | 'sin'
  | 'cos'
  | 'atan'
  | 'tanh'
  | 'erf'
  | 'sigmoid'
  | 'softplus'
  | 'power'
  | 'remainder'
  | 'random_bits'

export interface VectorFunction {
  /** How many vectors of four it takes. */
  readonly operands: number
  /** The largest error in units in the last place; a result below 2^-126 may be 0. */
  readonly ulp: number
  readonly emit: (body: FunctionBody) => void
}

function straight(ulp: number, operands: number, compute: (...operands: readonly Vector[]) => Vector): VectorFunction {
  const parameters = Array.from({ length: operands }, (_, index) => parameter(index))
  return { operands, ulp, emit: (body) => emitVector(body, compute(...parameters)) }
}

/** One operand: what is computed where the mask is 0 in all four, and what is computed otherwise. */
function branched(
  ulp: number,
  isRare: (x: Vector) => Vector,
  rare: (x: Vector) => Vector,
  common: (x: Vector) => Vector,
): VectorFunction {
  const x = parameter(0)
  const emit = (body: FunctionBody): void => {
    emitVector(body, isRare(x))
    body.op('v128.any_true')
    body.when(
      () => emitVector(body, rare(x)),
      () => emitVector(body, common(x)),
      'v128',
    )
  }
  return { operands: 1, ulp, emit }
}

export const FUNCTIONS: { readonly [N in FunctionName]: VectorFunction } = {
  exp: straight(1.5, 1, exponential),
  log: straight(0.51, 1, logarithm),
  log1p: straight(1, 1, logarithmOfOnePlus),
  sin: branched(0.6, isFarAngle, sine, nearSine),
  cos: branched(0.6, isFarAngle, cosine, nearCosine),
  atan: straight(0.51, 1, arctangent),
  tanh: straight(2, 1, tanh),
  erf: straight(2, 1, error),
  sigmoid: straight(3, 1, sigmoid),
  softplus: straight(2, 1, softplus),
  power: straight(1, 2, power),
  remainder: { operands: 2, ulp: 0.5, emit: emitRemainder },
  random_bits: straight(0, 5, philox),
}
