/** Arithmetic that JavaScript defines otherwise: division rounds down, a remainder has the sign of its divisor, as in Python and PyTorch. */

/** a - b * floor(a / b), by the exact remainder of the truncated division; NaN where b is 0 or a is infinite. */
export function floorRemainder(a: number, b: number): number {
  const rest = a % b
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest
}

/** floor(a / b) of whole numbers of at most 32 bits; a where b is 0, as WGSL has it. */
export const floorQuotient = (a: number, b: number): number => (b === 0 ? a : Math.floor(a / b))

/** The remainder of `floorQuotient`; 0 where b is 0, as WGSL has it. */
export const wholeRemainder = (a: number, b: number): number => (b === 0 ? 0 : floorRemainder(a, b) + 0)

/** a^b as in C and PyTorch: 1 to any power is 1, NaN included, and so is -1 to an infinite one. */
export const power = (a: number, b: number): number => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b)
