/** Expert capacity in exact integer arithmetic. */

/** A number as a fraction of whole ones: 1.25 is 5 / 4. */
export function fraction(value: number): readonly [number, number] {
  const [digits, exponent = '0'] = String(value).split('e')
  const [whole, part = ''] = digits.split('.')
  const power = Number(exponent) - part.length
  return reduced(Number(whole + part) * 10 ** Math.max(power, 0), 10 ** Math.max(-power, 0))
}

function reduced(numerator: number, denominator: number): readonly [number, number] {
  const common = greatestCommon(numerator, denominator)
  return [numerator / common, denominator / common]
}

const greatestCommon = (a: number, b: number): number => (b === 0 ? a : greatestCommon(b, a % b))

/** Of T tokens an expert processes at most ceil(numerator * T / denominator). */
export interface Share {
  readonly numerator: number
  readonly denominator: number
}

/** F k / E; null if that is 1 or more, so that no token ever overflows. */
export function shareOf(factor: number, topK: number, experts: number): Share | null {
  const [above, below] = fraction(factor)
  const [numerator, denominator] = reduced(above * topK, below * experts)
  return numerator >= denominator ? null : { numerator, denominator }
}

/** Tokens of a run whose share is worked out in 32 bits. */
const MOST_TOKENS = 2 ** 20

/** Whether a device can compute a share for any run. */
export const isCountable = ({ numerator, denominator }: Share): boolean => numerator * MOST_TOKENS + denominator < 2 ** 32

/** Rounded up to two decimals. */
const roundedUp = (value: number): number => Math.ceil(value * 100 - 1e-9) / 100

/** The least capacity, to two decimals, with which no assignment is ever dropped. */
export const enough = (topK: number, experts: number): number => roundedUp(experts / topK)

/**
 * Why slots that are passed on can stay without an expert, where a token may ask `open` of E; null where they cannot. The others'
 * slots fill fewer than E / F experts, and a token that finds k of the rest has no expert twice.
 */
export function idleLaw(factor: number, topK: number, experts: number, open: number): string | null {
  if (shareOf(factor, topK, experts) === null) return null
  const [above, below] = fraction(factor)
  const full = Math.min(open, Math.ceil((experts * below) / above) - 1)
  if (open - full >= topK) return null
  const least = Math.min(enough(topK, experts), roundedUp(experts / (open - topK + 1)))
  return `with capacity ${factor} other tokens can fill ${full} of the ${open} experts that a token can choose from, and it needs ${topK}; capacity ${least} is enough`
}
