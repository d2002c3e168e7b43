/** How many experts are kept, and which. */
import { EXIT, Failure } from '../exit.ts'

/**
 * `6`, or `75%`: the number that goes is rounded down. Throws a Failure unless some stay, and unless some go where not all may
 * stay.
 */
export function keptCount(text: string, experts: number, most: 'all' | 'some' = 'some'): number {
  const [, digits, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? []
  const asked = percent === '%' ? experts - Math.floor(experts * (1 - Number(digits) / 100) + 1e-9) : Number(digits)
  if (!Number.isSafeInteger(asked) || asked < 1)
    throw new Failure(EXIT.usage, `'${text}' is not a number of experts`, 'write --keep 6 or --keep 75%')
  if (asked > experts) throw new Failure(EXIT.usage, `'${text}' is more than the ${experts} experts of a layer`)
  if (asked === experts && most === 'some')
    throw new Failure(EXIT.usage, `--keep ${text} keeps ${asked} of ${experts} experts: none would go`)
  return asked
}

/**
 * The experts with the best scores, ascending; of equals the earlier ones. Where experts are in groups each keeps as many, so
 * that groups stay what they are. Throws a Failure where the groups do not divide the number, and for a score that is not finite.
 */
export function chooseKept(scores: Float64Array, count: number, groups: number, isHighest: boolean): readonly number[] {
  if (count % groups !== 0)
    throw new Failure(
      EXIT.usage,
      `${count} experts cannot be kept in ${groups} groups of one size`,
      `keep a multiple of ${groups}`,
    )
  const bad = scores.findIndex((score) => !Number.isFinite(score))
  if (bad >= 0) throw new Failure(EXIT.numbersDiffer, `the score of expert ${bad} is ${scores[bad]}`)
  const [size, each] = [scores.length / groups, count / groups]
  const sign = isHighest ? -1 : 1
  return Array.from({ length: groups }, (_, group) => Array.from({ length: size }, (_, at) => group * size + at))
    .flatMap((members) => members.sort((a, b) => sign * (scores[a] - scores[b]) || a - b).slice(0, each))
    .sort((a, b) => a - b)
}
