/** The constraints of a moe, checked at compile time where possible. */
import type { Dim } from '../../../plan/dim.ts'
import { enough, idleLaw, isCountable, shareOf } from './capacity.ts'
import { folds, originOf, verify, wordsOf, type Frame } from '../context/context.ts'
import type { ConstraintFact, Limit, Rules } from '../model.ts'
import { requirement, type Requirement } from './requirements.ts'
import { evaluate, evaluateSize, type Lookup, type Static } from '../static/static.ts'

/** What the other clauses say. */
export interface Routed {
  /** The number of experts. */
  readonly count: Dim
  /** The number of experts per token; null if the policy has a mistake. */
  readonly selected: Dim | null
  /** T, where it is known. */
  readonly tokens: Dim | null
  /** The policy, if it keeps only some of the selected experts. */
  readonly keeper: string | null
  readonly hasShared: boolean
}

/** Why it cannot hold; null if it can, or if too little is known. */
type Law = (lookup: Lookup) => string | null

const size = (value: Dim | null, lookup: Lookup): number | undefined => (value === null ? undefined : evaluateSize(value, lookup))
const number = (value: Static, lookup: Lookup): number | undefined => evaluate(value, lookup, folds) as number | undefined
const positive = (what: string, value: number | undefined): string | null =>
  value !== undefined && !(value > 0) ? `${what} must be above 0, not ${value}` : null

/** The largest number of experts with `overflow next`: each of its rounds is unrolled in the graph. */
const MOST_NEXT = 128

function groupsLaw({ groups, keep }: Requirement & { readonly kind: 'groups' }, { count, selected }: Routed): Law {
  return (lookup) => {
    const [g, n, numExperts, topK] = [size(groups, lookup), size(keep, lookup), size(count, lookup), size(selected, lookup)]
    if (g !== undefined && g < 1) return `the number of groups must be 1 or more, not ${g}`
    if (g !== undefined && numExperts !== undefined && numExperts % g !== 0)
      return `${g} groups do not divide ${numExperts} experts`
    if (g !== undefined && n !== undefined && (n < 1 || n > g)) return `${n} of ${g} groups cannot be kept`
    if (g === undefined || n === undefined || numExperts === undefined || topK === undefined || n * (numExperts / g) >= topK)
      return null
    return `${n} of ${g} groups have ${n * (numExperts / g)} of ${numExperts} experts, but the policy selects ${topK}`
  }
}

/** The check of one requirement by itself. */
function ownLaw(one: Requirement, routed: Routed): Law {
  const { selected } = routed
  switch (one.kind) {
    case 'dropless':
    case 'expert-choice':
      return () => null
    case 'capacity':
      return (lookup) => {
        if (one.overflow === 'shared' && !routed.hasShared)
          return 'overflow goes to a shared expert, but there is none; `shared 1 of ...` adds one'
        return positive('a capacity', number(one.factor, lookup))
      }
    case 'groups':
      return groupsLaw(one, routed)
    case 'bias-balanced':
      return (lookup) => positive('a rate', number(one.rate, lookup))
    case 'balanced-within':
      return (lookup) => positive('a percentage', number(one.percent, lookup))
    case 'at-most':
      return (lookup) => positive('the number of tokens', size(one.tokens, lookup))
    case 'each-token':
      return (lookup) => {
        const [n, topK] = [size(one.experts, lookup), size(selected, lookup)]
        return n !== undefined && topK !== undefined && n !== topK
          ? `each token must have ${n} experts, but the policy selects ${topK}`
          : null
      }
    default:
      return one satisfies never
  }
}

/** Whether every assignment must be processed. */
const promisesAll = ({ kind }: Requirement): boolean => kind === 'dropless' || kind === 'each-token'

/** The number of experts that a token can choose from. */
function openOf(all: readonly Requirement[], experts: number, lookup: Lookup): number {
  const groups = requirement(all, 'groups')
  const [g, n] = groups === null ? [1, 1] : [size(groups.groups, lookup), size(groups.keep, lookup)]
  return g === undefined || n === undefined ? experts : (experts / g) * n
}

/** Why assignments can overflow under a requirement among all. */
function dropsLaw(one: Requirement, all: readonly Requirement[], { count, selected, tokens }: Routed): Law | null {
  switch (one.kind) {
    case 'expert-choice':
      return () => 'with `expert choice` a token may get no expert'
    case 'at-most':
      return (lookup) => {
        const [limit, numTokens, numExperts, topK] = [
          size(one.tokens, lookup),
          size(tokens, lookup),
          size(count, lookup),
          size(selected, lookup),
        ]
        if (limit === undefined || (numTokens !== undefined && numTokens <= limit)) return null
        if (numTokens === undefined || numExperts === undefined || topK === undefined)
          return `an expert processes at most ${limit} tokens, but all tokens of a run may choose it`
        const room =
          numExperts * limit < numTokens * topK
            ? `${numExperts} experts process at most ${numExperts * limit} assignments, but ${numTokens} tokens need ${numTokens * topK}`
            : `all ${numTokens} tokens may choose the same one`
        return `with at most ${limit} tokens per expert, ${room}`
      }
    case 'capacity':
      return (lookup) => {
        const [f, numExperts, topK] = [number(one.factor, lookup), size(count, lookup), size(selected, lookup)]
        if (f === undefined || numExperts === undefined || topK === undefined) return null
        if (f < 1)
          return `${numExperts} experts with capacity ${f} process at most ${f} * T * ${topK} assignments, but T tokens need T * ${topK}`
        if (one.overflow === 'next') return idleLaw(f, topK, numExperts, openOf(all, numExperts, lookup))
        if (shareOf(f, topK, numExperts) === null) return null
        return `with capacity ${f} an expert processes ${f} * ${topK} / ${numExperts} = ${(f * topK) / numExperts} of the tokens, but all of them may choose it; capacity ${enough(topK, numExperts)} is enough`
      }
    case 'dropless':
    case 'groups':
    case 'bias-balanced':
    case 'balanced-within':
    case 'each-token':
      return null
    default:
      return one satisfies never
  }
}

const CHOSEN_BY_TOKENS: readonly Requirement['kind'][] = ['capacity', 'at-most', 'groups', 'bias-balanced']

/** The check of a requirement against those before it. */
function jointLaw(one: Requirement, all: readonly Requirement[], routed: Routed): Law {
  return (lookup) => {
    for (const other of all.slice(0, all.indexOf(one))) {
      const [promise, breaker] = promisesAll(one) ? [one, other] : [other, one]
      const why = promisesAll(promise) ? (dropsLaw(breaker, all, routed)?.(lookup) ?? null) : null
      if (why !== null) return `\`${wordsOf(one.span)}\` contradicts \`${wordsOf(other.span)}\`: ${why}`
      const kinds = [one.kind, other.kind]
      if (kinds.includes('expert-choice') && CHOSEN_BY_TOKENS.some((kind) => kinds.includes(kind))) {
        return `\`${wordsOf(one.span)}\` contradicts \`${wordsOf(other.span)}\`: with \`expert choice\` no token chooses, and each expert takes the same number`
      }
      if (kinds.includes('capacity') && kinds.includes('at-most'))
        return `\`${wordsOf(one.span)}\` contradicts \`${wordsOf(other.span)}\`: both limit an expert`
    }
    return promisesAll(one) && routed.keeper !== null ? `${routed.keeper} keeps only some of the experts it selects` : null
  }
}

const MAY_DROP: readonly Requirement['kind'][] = ['capacity', 'at-most', 'expert-choice']

/**
 * Loads are whole numbers: where all T * k slots are answered, those as even as can be are its quotients by E, rounded down and
 * up.
 */
function evenLaw(one: Requirement, all: readonly Requirement[], { count, selected, tokens, keeper }: Routed): Law {
  if (one.kind !== 'balanced-within' || keeper !== null || all.some(({ kind }) => MAY_DROP.includes(kind))) return () => null
  return (lookup) => {
    const [p, numTokens, numExperts, topK] = [
      number(one.percent, lookup),
      size(tokens, lookup),
      size(count, lookup),
      size(selected, lookup),
    ]
    if (p === undefined || numTokens === undefined || numExperts === undefined || topK === undefined) return null
    const [slots, over] = [numTokens * topK, (numTokens * topK) % numExperts]
    const off = over === 0 ? 0 : (100 * Math.max(over, numExperts - over)) / slots
    if (off <= p * (1 + 1e-12)) return null
    return `${numTokens} tokens with ${topK} of ${numExperts} experts each give an expert ${slots / numExperts} assignments on average; integers differ from that by at least ${Number(off.toPrecision(3))}%, but only ${p}% is allowed`
  }
}

/** Reports groups that no selection can be made among. */
export const groupsFit = (frame: Frame, one: Requirement, routed: Routed): boolean =>
  one.kind !== 'groups' ||
  verify(frame, (lookup) => {
    const message = groupsLaw(one, routed)(lookup)
    return message === null ? null : { code: 'SMOE4004', message, span: one.span }
  })

/** Whether what is required has a lowering. */
const isSupported = (frame: Frame, one: Requirement, routed: Routed): boolean =>
  one.kind !== 'capacity' ||
  verify(frame, (lookup) => {
    const message = unsupported(one, routed, lookup)
    return message === null ? null : { code: 'SMOE4005', message, span: one.span }
  })

function unsupported(
  one: Requirement & { readonly kind: 'capacity' },
  { count, selected }: Routed,
  lookup: Lookup,
): string | null {
  const [f, numExperts, topK] = [number(one.factor, lookup), size(count, lookup), size(selected, lookup)]
  if (numExperts !== undefined && one.overflow === 'next' && numExperts > MOST_NEXT)
    return `overflow to the next expert is supported for at most ${MOST_NEXT} experts, not ${numExperts}`
  const share =
    f === undefined || numExperts === undefined || topK === undefined || !(f > 0) ? null : shareOf(f, topK, numExperts)
  if (share === null || isCountable(share)) return null
  return `with capacity ${f} an expert processes at most ${share.numerator} / ${share.denominator} of the tokens, which cannot be counted exactly; use a capacity with fewer digits`
}

/** The requirements that hold, as facts. */
export function constraintsOf(frame: Frame, all: readonly Requirement[], routed: Routed): readonly ConstraintFact[] {
  return all.flatMap((one): readonly ConstraintFact[] => {
    const { span } = one
    const ok =
      isSupported(frame, one, routed) &&
      [ownLaw(one, routed), jointLaw(one, all, routed), evenLaw(one, all, routed)].every((law) =>
        verify(frame, (lookup) => {
          const message = law(lookup)
          return message === null ? null : { code: 'SMOE4004', message, span }
        }),
      )
    return ok ? [{ kind: one.kind, text: wordsOf(span), origin: originOf(frame, span) }] : []
  })
}

function limitOf(all: readonly Requirement[]): Limit | null {
  const [capacity, most] = [requirement(all, 'capacity'), requirement(all, 'at-most')]
  if (capacity !== null) return { kind: 'capacity', factor: capacity.factor, overflow: capacity.overflow }
  return most === null ? null : { kind: 'tokens', tokens: most.tokens, overflow: 'drop' }
}

function groupsOf(all: readonly Requirement[]): Rules['groups'] {
  const found = requirement(all, 'groups')
  return found === null ? null : { count: found.groups, keep: found.keep }
}

/** What the requirements change in the run of a moe. */
export const rulesOf = (all: readonly Requirement[]): Rules => ({
  limit: limitOf(all),
  expertChoice: requirement(all, 'expert-choice') !== null,
  groups: groupsOf(all),
  within: requirement(all, 'balanced-within')?.percent ?? null,
  biasRate: requirement(all, 'bias-balanced')?.rate ?? null,
})
