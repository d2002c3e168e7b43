/** Balance in words: what is required of a load, and how far it is from that. */
import type { Balance } from '../../runtime/routing/balance.ts'

/** At most two digits behind the point, none that say nothing. */
export const short = (value: number): string => String(Number(value.toFixed(2)))

/** The loads that are allowed: `95 to 105`. */
export const bandOf = ({ within, mean }: Balance): string =>
  `${short(Math.max(0, mean * (1 - within / 100)))} to ${short(mean * (1 + within / 100))}`

export const isBalanced = ({ outside }: Balance): boolean => outside.length === 0

/** One layer: whether it is balanced, and the numbers that say so. */
export function balanceWords(balance: Balance, experts: number): string {
  const { within, mean, farthest, outside, least } = balance
  if (farthest === null) return `balanced within ${within}%: no token is assigned to an expert`
  const { expert, load, percent } = farthest
  const far = `expert ${expert} is farthest, ${load} ${load === 1 ? 'slot' : 'slots'}, ${short(percent)}% off`
  if (isBalanced(balance))
    return `balanced within ${within}%: ${short(mean)} slots an expert in the mean, ${percent === 0 ? 'all alike' : far}`
  const whole = least <= within ? '' : `; loads are whole numbers, ${short(least)}% off at least with so few slots`
  return `NOT balanced within ${within}%: ${outside.length} of ${experts} experts outside of ${bandOf(balance)} slots, ${short(mean)} in the mean; ${far}${whole}`
}
