/** Layers that differ: a condition on the index of a layer, as short as a person would write it. */
import type { Fields } from '../fields.ts'

/** A condition that is true for all layers or for none, or text over the index `i`. */
export type Condition = boolean | string

const matches = (flags: readonly boolean[], holds: (i: number) => boolean): boolean => flags.every((flag, i) => flag === holds(i))

/** `i < 3`, `i == 2`, `i >= 3`, `i >= 2 and i < 5`: the layers that are set are neighbours. */
function asRange(flags: readonly boolean[]): string | null {
  const [first, end] = [flags.indexOf(true), flags.lastIndexOf(true) + 1]
  if (!matches(flags, (i) => i >= first && i < end)) return null
  if (first === 0) return `i < ${end}`
  if (end === first + 1) return `i == ${first}`
  return end === flags.length ? `i >= ${first}` : `i >= ${first} and i < ${end}`
}

/** The longest period that is looked for: the time of the search grows with its square. */
const LONGEST_PERIOD = 64

/** `i % 4 == 3` or `i % 4 != 3`, where the pattern repeats at least once in full. */
function asPeriod(flags: readonly boolean[]): string | null {
  for (let step = 2; 2 * step <= flags.length && step <= LONGEST_PERIOD; step++) {
    for (let at = 0; at < step; at++) {
      if (matches(flags, (i) => i % step === at)) return `i % ${step} == ${at}`
      if (matches(flags, (i) => i % step !== at)) return `i % ${step} != ${at}`
    }
  }
  return null
}

/** Layers that a condition may list: an expression has a depth that is bounded. */
const MOST_LISTED = 64

function asList(flags: readonly boolean[]): string | null {
  const places = (value: boolean): readonly number[] => flags.flatMap((flag, i) => (flag === value ? [i] : []))
  const [set, unset] = [places(true), places(false)]
  if (Math.min(set.length, unset.length) > MOST_LISTED) return null
  return set.length <= unset.length ? set.map((i) => `i == ${i}`).join(' or ') : unset.map((i) => `i != ${i}`).join(' and ')
}

/** The shortest condition that is true for the layers whose flag is set; null where it would be a long list. */
export function conditionOf(flags: readonly boolean[]): Condition | null {
  if (flags.every((flag) => flag)) return true
  if (!flags.some((flag) => flag)) return false
  return asRange(flags) ?? asPeriod(flags) ?? asList(flags)
}

/** As `conditionOf`; refuses the config where there is none. */
export function layerCondition(fields: Fields, flags: readonly boolean[]): Condition {
  const condition = conditionOf(flags)
  if (condition === null) fields.refuse(`layers differ in no pattern, and more than ${MOST_LISTED} are of the rarer kind`)
  return condition ?? true
}

/** A choice by a condition, as an expression on one line. */
export function chosen(condition: Condition, then: string, otherwise: string): string {
  if (typeof condition === 'string') return `if ${condition} then ${then} else ${otherwise}`
  return condition ? then : otherwise
}

/** A flag for each layer. */
export const layerFlags = (layers: number, flag: (i: number) => boolean): readonly boolean[] =>
  Array.from({ length: layers }, (_, i) => flag(i))
