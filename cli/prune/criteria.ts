/**
 * What experts are kept by. A measured score is frequency^a gate^b activation^c change^d of the tokens that are routed to an
 * expert: the number of these tokens to the power a, times their mean of g^b |f|^c s^d, where g is the weight that the router
 * gives the expert, |f| the norm of its output, and s how far the routed experts turn the token's hidden state, 1 - the cosine
 * between before and after. The lowest are removed. arXiv:2606.15716, and arXiv:2504.06792 for s.
 */
import { EXIT, Failure } from '../exit.ts'

export interface Powers {
  readonly frequency: number
  readonly gate: number
  readonly activation: number
  readonly change: number
}

export type Criterion =
  /** From the weights alone. */
  | { readonly kind: 'aimer' }
  /** By the mean probability of a router that listens to the experts' singular vectors: as `smoe reroute` blends it. */
  | { readonly kind: 'spectral' }
  /** From tokens. */
  | { readonly kind: 'measured'; readonly powers: Powers }

interface Named {
  readonly powers: Powers
  readonly doc: string
}

const powers = (frequency: number, gate: number, activation: number, change = 0): Powers => ({
  frequency,
  gate,
  activation,
  change,
})

/** Criteria of papers by name. */
export const NAMED: Readonly<Record<string, Named>> = {
  frequency: { powers: powers(1, 0, 0), doc: 'the number of routed tokens' },
  mass: { powers: powers(1, 1, 0), doc: "the sum of the router's weights, SEER-MoE, arXiv:2404.05089" },
  ean: { powers: powers(1, 0, 1), doc: 'the sum of the norms of outputs' },
  reap: { powers: powers(0, 1, 1), doc: 'the mean of weight times norm, REAP, 2026' },
  man: { powers: powers(0, 0, 1), doc: 'the mean norm of outputs, arXiv:2606.15716' },
  msan: { powers: powers(0, 0, 2), doc: 'the mean square of the norm, arXiv:2606.15716' },
  'easy-ep': {
    powers: powers(1, 1, 1, 1),
    doc: "the sum of weight times norm times the change of the token's hidden state, arXiv:2504.06792",
  },
}

export const CRITERIA: readonly string[] = ['aimer', 'spectral', ...Object.keys(NAMED)]

const FACTOR = /^(frequency|gate|activation|change)(?:\^(-?\d+(?:\.\d+)?))?$/

/** `frequency^0.5 gate activation^2`, each factor once; null where it is no such product. */
function product(text: string): Powers | null {
  const found: Partial<Record<keyof Powers, number>> = {}
  for (const word of text.trim().split(/[\s*]+/)) {
    const [, name, power = '1'] = FACTOR.exec(word) ?? []
    if (name === undefined || Object.hasOwn(found, name)) return null
    found[name as keyof Powers] = Number(power)
  }
  return { ...powers(0, 0, 0), ...found }
}

/** Throws a Failure for what is neither a name nor a product. */
export function criterionOf(text: string): Criterion {
  if (text === 'aimer' || text === 'spectral') return { kind: text }
  if (Object.hasOwn(NAMED, text)) return { kind: 'measured', powers: NAMED[text].powers }
  const made = product(text)
  if (made !== null) return { kind: 'measured', powers: made }
  throw new Failure(
    EXIT.usage,
    `'${text}' is not a criterion: they are ${CRITERIA.join(', ')}`,
    "or a product of powers, for example --by 'frequency^0.5 gate activation^2'",
  )
}

/** What was seen of the tokens of a layer, a number for each expert. */
export interface Seen {
  readonly count: Float64Array
  /** Sum of g^b |f|^c s^d. */
  readonly sum: Float64Array
}

/** The score of each expert; 0 for one that no token went to. */
export const scoresOf = ({ count, sum }: Seen, { frequency }: Powers): Float64Array =>
  count.map((tokens, e) => (tokens === 0 ? 0 : tokens ** frequency * (sum[e] / tokens)))
