/** The rotary embedding as arguments of an attention of `std`. */
import type { Imports } from './part.ts'
import type { Linear, Llama3, LongRope, PlainRope, Proportional, Rope, Yarn } from './rope.ts'
import { realText } from './write.ts'

/** Arguments of an attention, and what they take from `std`. */
export interface RopeText {
  readonly arguments: readonly string[]
  readonly imports: Imports
}

/** A call in which a number that is the default of its parameter is left out. */
const call = (name: string, list: readonly (string | null)[]): string =>
  `${name}(${list.filter((one) => one !== null).join(', ')})`
const thetaText = ({ theta }: Rope): string => `theta = ${realText(theta)}`

const unless = (isDefault: boolean, text: string): string | null => (isDefault ? null : text)

function yarnText(half: string, theta: string, yarn: Yarn): RopeText {
  const { factor, context, fast, slow, truncate, magnitude, mscale, mscaleAllDim } = yarn
  const frequency = call('yarn_frequencies', [
    half,
    theta,
    `factor = ${realText(factor)}`,
    `context = ${realText(context)}`,
    unless(fast === 32, `fast = ${realText(fast)}`),
    unless(slow === 1, `slow = ${realText(slow)}`),
    unless(truncate, 'truncate = false'),
  ])
  const isRatio = mscale !== null && mscaleAllDim !== null
  if (magnitude === null && isRatio && mscale === mscaleAllDim)
    return { arguments: [`frequency = ${frequency}`], imports: { 'blocks/rope': ['yarn_frequencies'] } }
  const written = magnitude === null ? (isRatio ? magnitudeRatio(factor, mscale, mscaleAllDim) : yarnMagnitude(factor)) : null
  return {
    arguments: [`frequency = ${frequency}`, `magnitude = ${written ?? realText(magnitude!)}`],
    imports: { 'blocks/rope': ['yarn_frequencies', ...(written === null ? [] : ['yarn_magnitude'])] },
  }
}

/** What YaRN multiplies cos and sin by, with a weight. */
export const yarnMagnitude = (factor: number, weight = 1): string =>
  call('yarn_magnitude', [realText(factor), unless(weight === 1, `weight = ${realText(weight)}`)])

const magnitudeRatio = (factor: number, above: number, below: number): string =>
  `${yarnMagnitude(factor, above)} / ${yarnMagnitude(factor, below)}`

const listText = (list: readonly number[]): string => `[${list.map(realText).join(', ')}]`

/** One list for all lengths, with a magnitude of its own. */
const dividedText = (half: string, theta: string, factors: readonly number[], magnitude: number): RopeText => ({
  arguments: [
    `frequency = ${call('divided_frequencies', [half, `factors = ${listText(factors)}`, theta])}`,
    ...(magnitude === 1 ? [] : [`magnitude = ${realText(magnitude)}`]),
  ],
  imports: { 'blocks/rope': ['divided_frequencies'] },
})

function longRopeText(half: string, theta: string, scaling: LongRope): RopeText {
  const { short, long, factor, context, magnitude, magnitudes } = scaling
  const isOne = short.length === long.length && short.every((value, at) => value === long[at])
  if (isOne && magnitude !== null && magnitudes === null) return dividedText(half, theta, short, magnitude)
  const frequency = call('longrope_frequencies', [
    half,
    `length = ${magnitudes === null ? 'S' : '1'}`,
    `short = ${listText(short)}`,
    `long = ${listText(long)}`,
    theta,
    `context = ${realText(context)}`,
  ])
  if (magnitudes !== null) {
    const chosen = `where(S > ${context}, ${realText(magnitudes.long)}, ${realText(magnitudes.short)})`
    const list = [`frequency = ${frequency}`, `magnitude = ${chosen}`]
    return { arguments: list, imports: { 'blocks/rope': ['longrope_frequencies'] } }
  }
  const written = magnitude === null ? `longrope_magnitude(${realText(factor)}, ${realText(context)})` : realText(magnitude)
  return {
    arguments: [`frequency = ${frequency}`, `magnitude = ${written}`],
    imports: { 'blocks/rope': ['longrope_frequencies', ...(magnitude === null ? ['longrope_magnitude'] : [])] },
  }
}

function stretched(half: string, theta: string, { kind, ...rest }: Linear | Llama3): RopeText {
  const numbers = Object.entries(rest).map(([name, value]) => `${name} = ${realText(value)}`)
  const frequency = call('rope_frequencies', [half, theta, `scaling = "${kind}"`, ...numbers])
  return { arguments: [`frequency = ${frequency}`], imports: { 'blocks/rope': ['rope_frequencies'] } }
}

/** As many pairs turn as the share of a head has in full. */
const turningPairs = (pairs: number, { turning }: Proportional): number => Math.trunc(turning * pairs)

/** An argument of an attention, and whether it is the default of its parameter. */
export interface Argument {
  readonly text: string
  readonly isDefault: boolean
}

export const given = (text: string): Argument => ({ text, isDefault: false })

/** All arguments of a plain rotary embedding of so many pairs. */
export function everyRopeArgument({ theta, scaling }: PlainRope, pairs: number): readonly Argument[] {
  const turning = scaling.kind === 'proportional' ? turningPairs(pairs, scaling) : pairs
  const factor = scaling.kind === 'none' ? 1 : scaling.factor
  return [
    given(`theta = ${realText(theta)}`),
    { text: `turning = ${turning}`, isDefault: turning === pairs },
    { text: `rope_scaling = "${factor === 1 ? 'none' : 'linear'}"`, isDefault: factor === 1 },
    { text: `rope_factor = ${realText(factor)}`, isDefault: factor === 1 },
  ]
}

function proportionalText(pairs: number, half: string, theta: string, scaling: Proportional): RopeText {
  const { factor } = scaling
  const scaled = factor === 1 ? [] : ['scaling = "linear"', `factor = ${realText(factor)}`]
  const list = [half, theta, ...scaled, `turning = ${turningPairs(pairs, scaling)}`]
  return { arguments: [`frequency = ${call('rope_frequencies', list)}`], imports: { 'blocks/rope': ['rope_frequencies'] } }
}

/** The rotary arguments of an attention that takes frequencies, of so many pairs, which stand in the spec as `half`. */
export function ropeText(rope: Rope, pairs: number, half = String(pairs)): RopeText {
  const { scaling } = rope
  const theta = thetaText(rope)
  switch (scaling.kind) {
    case 'none':
      return { arguments: [theta], imports: {} }
    case 'linear':
    case 'llama3':
      return stretched(half, theta, scaling)
    case 'dynamic': {
      const list = [half, 'length = S', theta, `factor = ${realText(scaling.factor)}`, `context = ${realText(scaling.context)}`]
      return {
        arguments: [`frequency = ${call('dynamic_frequencies', list)}`],
        imports: { 'blocks/rope': ['dynamic_frequencies'] },
      }
    }
    case 'yarn':
      return yarnText(half, theta, scaling)
    case 'proportional':
      return proportionalText(pairs, half, theta, scaling)
    case 'longrope':
      return longRopeText(half, theta, scaling)
    default:
      return scaling satisfies never
  }
}

/** The rotary arguments of an attention whose heads are rotated in full, which knows the plain scalings itself. */
export function plainRopeText(rope: Rope, pairs: number, half = String(pairs)): RopeText {
  const { scaling } = rope
  if (scaling.kind !== 'linear' && scaling.kind !== 'llama3') return ropeText(rope, pairs, half)
  const { kind, ...rest } = scaling
  const numbers = Object.entries(rest).map(([name, value]) => `rope_${name} = ${realText(value)}`)
  return { arguments: [`rope_scaling = "${kind}"`, thetaText(rope), ...numbers], imports: {} }
}
