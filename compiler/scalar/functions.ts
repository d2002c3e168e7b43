/** Real functions in f64 that the language has and JavaScript has not. */

/** 2/sqrt(pi) exp(-x^2) sum of 2^n x^(2n+1) / (2n+1)!!: all terms of one sign, so nothing cancels. */
function erfSeries(x: number): number {
  let term = x
  let sum = x
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1)
    sum += term
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
}

/** exp(-x^2) / sqrt(pi) / (x + (1/2)/(x + (2/2)/(x + (3/2)/(x + ...)))), for x of 2.5 and more. */
function erfcFraction(x: number): number {
  let tail = x
  for (let n = 120; n >= 1; n--) tail = x + n / 2 / tail
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / tail
}

/** The error function, to a few units in the last place of f64. */
export function erf(x: number): number {
  if (Number.isNaN(x) || x === 0) return x
  const size = Math.abs(x)
  if (size < 2.5) return erfSeries(x)
  return Math.sign(x) * (size > 6 ? 1 : 1 - erfcFraction(size))
}

/** 1 / (1 + exp(-x)), without overflow on either side. */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x))
  const e = Math.exp(x)
  return e / (1 + e)
}

/** The nearest number of f16, ties to the even one: 11 bits, fewer below 2^-14; infinite from 65520 on. */
export function half(x: number): number {
  const size = Math.abs(x)
  if (!(size < 65520)) return Number.isNaN(x) ? NaN : Math.sign(x) * Infinity
  const unit = 2 ** (Math.max(-14, Math.floor(Math.log2(size || 1))) - 10)
  const places = size / unit
  const below = Math.floor(places)
  const up = places - below > 0.5 || (places - below === 0.5 && below % 2 === 1)
  const rounded = (up ? below + 1 : below) * unit
  return x < 0 || Object.is(x, -0) ? -rounded : rounded
}

/** log(1 + exp(x)), without overflow. */
export const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))

const LARGEST = 2147483647

/** Towards zero, held to the range of i32; NaN becomes 0. */
export const toInteger = (x: number): number =>
  Number.isNaN(x) ? 0 : Math.min(Math.max(Math.trunc(x), -LARGEST - 1), LARGEST) + 0
