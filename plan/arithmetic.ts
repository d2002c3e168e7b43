/** Arithmetic that JavaScript defines otherwise, as Python and PyTorch have it: the same when a spec is compiled, in a run and in a recipe. */

/** a - b * floor(a / b), by the exact remainder of the truncated division; NaN where b is 0 or a is infinite. */
export function floorRemainder(a: number, b: number): number {
  const rest = a % b
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest
}

/** a^b as in C and PyTorch: 1 to any power is 1, NaN included, and so is -1 to an infinite one. */
export const power = (a: number, b: number): number => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b)
