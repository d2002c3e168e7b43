/**
 * Arithmetic that JavaScript defines otherwise: division rounds down, a remainder has the sign of its divisor, as in Python and
 * PyTorch.
 */

import { floorRemainder } from '../../plan/arithmetic.ts'

export { floorRemainder, power } from '../../plan/arithmetic.ts'

/** floor(a / b) of whole numbers of at most 32 bits; a where b is 0, as WGSL has it. */
export const floorQuotient = (a: number, b: number): number => (b === 0 ? a : Math.floor(a / b))

/** The remainder of `floorQuotient`; 0 where b is 0, as WGSL has it. */
export const wholeRemainder = (a: number, b: number): number => (b === 0 ? 0 : floorRemainder(a, b) + 0)
