/** Scores and tokens of every kind that routing has trouble with, from a seed. */
import { uniform } from '../random.ts'
import { reach, type Layer } from './layer.ts'

type Rows = readonly (readonly number[])[]

interface Wanted {
  readonly T: number
  readonly E: number
  /** Scores lie within -reach..reach. */
  readonly reach: number
  /** 0, 1, ..., below - 1. */
  readonly whole: (below: number) => number
}

const fill = ({ T, E }: Wanted, score: (t: number, e: number) => number): Rows =>
  Array.from({ length: T }, (_, t) => Array.from({ length: E }, (_, e) => score(t, e)))

const any = ({ reach, whole }: Wanted): number => whole(2 * reach + 1) - reach

export const KINDS = {
  anything: (wanted) => fill(wanted, () => any(wanted)),
  ties: (wanted) => fill(wanted, () => wanted.whole(2)),
  'nothing but ties': (wanted) => fill(wanted, () => 3),
  'all tokens alike': (wanted) => {
    const row = Array.from({ length: wanted.E }, () => any(wanted))
    return fill(wanted, (_, e) => row[e])
  },
  'all tokens to one expert': (wanted) => {
    const one = wanted.whole(wanted.E)
    return fill(wanted, (_, e) => (e === one ? wanted.reach : any(wanted) - 1))
  },
  'none to an expert': (wanted) => {
    const one = wanted.whole(wanted.E)
    return fill(wanted, (_, e) => (e === one ? -wanted.reach : Math.abs(any(wanted))))
  },
  'few experts for most tokens': (wanted) => fill(wanted, (_, e) => Math.max(-wanted.reach, wanted.reach - e - wanted.whole(3))),
  'turn by turn': (wanted) => fill(wanted, (t, e) => wanted.reach - ((t + e) % Math.min(wanted.E, 2 * wanted.reach))),
} satisfies Record<string, (wanted: Wanted) => Rows>

export type Kind = keyof typeof KINDS

/** What a batch of tokens is made from. */
export interface Problem {
  readonly kind: Kind
  readonly T: number
  readonly seed: number
}

export const wholeFrom = (seed: number): ((below: number) => number) => {
  const next = uniform(seed)
  return (below) => Math.floor(next() * below)
}

export const scoresOf = ({ kind, T, seed }: Problem, layer: Pick<Layer, 'E'>): Rows =>
  KINDS[kind]({ T, E: layer.E, reach: reach(layer), whole: wholeFrom(seed) })

/** Tokens [T, D]: their scores, and features within -3..3 behind them. */
export function tokensOf(scores: Rows, { features }: Pick<Layer, 'features'>, seed: number): Rows {
  const whole = wholeFrom(seed ^ 0x5bd1e995)
  return scores.map((row) => [...row, ...Array.from({ length: features }, () => whole(7) - 3)])
}

/** The same with the features of some tokens so large that their answers are no numbers; whose those are. */
export function overflowing(
  tokens: Rows,
  { E }: Pick<Layer, 'E'>,
  seed: number,
): { readonly tokens: Rows; readonly whose: ReadonlySet<number> } {
  const whole = wholeFrom(seed ^ 0x2545f491)
  const whose = new Set(tokens.map((_, t) => t).filter(() => whole(3) === 0))
  return { tokens: tokens.map((row, t) => (whose.has(t) ? row.map((value, d) => (d < E ? value : 3e38)) : row)), whose }
}
