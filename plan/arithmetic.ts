/** Arithmetic as Python and PyTorch define it, shared by the compiler, the reference and recipes. */

/** a - b * floor(a / b), by the exact remainder of the truncated division; NaN where b is 0 or a is infinite. */
export function floorRemainder(a: number, b: number): number {
  const rest = a % b
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest
}

/** The operators of the language on numbers and truth values. */
export const OPERATORS = {
  '+': (a: number, b: number) => a + b,
  '-': (a: number, b: number) => a - b,
  '*': (a: number, b: number) => a * b,
  '/': (a: number, b: number) => a / b,
  '%': floorRemainder,
  '==': <T>(a: T, b: T) => a === b,
  '!=': <T>(a: T, b: T) => a !== b,
  '<': (a: number, b: number) => a < b,
  '<=': (a: number, b: number) => a <= b,
  '>': (a: number, b: number) => a > b,
  '>=': (a: number, b: number) => a >= b,
  and: (a: boolean, b: boolean) => a && b,
  or: (a: boolean, b: boolean) => a || b,
  not: (a: boolean) => !a,
  if: <T>(condition: boolean, a: T, b: T) => (condition ? a : b),
} as const

/** a^b as in C and PyTorch: 1 to any power is 1, NaN included, and so is -1 to an infinite one. */
export const power = (a: number, b: number): number => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b)
