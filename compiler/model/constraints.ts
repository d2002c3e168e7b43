/** What a moe requires, checked where it can be before anything runs. */
import type { Constraint, Expression } from '../../grammar/ast.ts'
import type { Dim } from '../../plan/dim.ts'
import { complain, folds, originOf, sizeOf, verify, wordsOf, type Frame } from './context.ts'
import type { ConstraintFact } from './model.ts'
import { evaluate, evaluateSize, type Lookup } from './static.ts'
import { wantStatic } from './wants.ts'

interface Routed {
  /** The number of experts. */
  readonly count: Dim
  /** How many a token has; null where the policy is wrong. */
  readonly selected: Dim | null
}

type Law = (lookup: Lookup) => string | null

const number = (frame: Frame, expression: Expression, type: 'int' | 'real', what: string): ((lookup: Lookup) => number | undefined) | null => {
  const value = wantStatic(frame, expression, type, what)
  if (value === null) return null
  return (lookup) => evaluate(value, lookup, folds) as number | undefined
}

const positive = (what: string, value: number | undefined): string | null => (value !== undefined && !(value > 0) ? `${what} is above 0, not ${value}` : null)

/** The static part of a constraint as a law over values; null after a mistake. */
function lawOf(frame: Frame, constraint: Constraint, { count, selected }: Routed): Law | null {
  switch (constraint.kind) {
    case 'dropless': case 'expert-choice': return () => null
    case 'capacity': {
      const factor = number(frame, constraint.factor, 'real', 'the capacity')
      return factor && ((lookup) => positive('a capacity', factor(lookup)))
    }
    case 'groups': {
      const [groups, keep] = [number(frame, constraint.count, 'int', 'the number of groups'), number(frame, constraint.keep, 'int', 'the number kept')]
      if (groups === null || keep === null) return null
      return (lookup) => {
        const [g, n, e] = [groups(lookup), keep(lookup), evaluateSize(count, lookup)]
        if (g !== undefined && g < 1) return `groups are 1 or more, not ${g}`
        if (g !== undefined && e !== undefined && e % g !== 0) return `${g} groups do not divide ${e} experts`
        return g !== undefined && n !== undefined && (n < 1 || n > g) ? `${n} of ${g} groups cannot be kept` : null
      }
    }
    case 'bias-balanced': {
      const rate = number(frame, constraint.rate, 'real', 'the rate')
      return rate && ((lookup) => positive('a rate', rate(lookup)))
    }
    case 'balanced-within': {
      const percent = number(frame, constraint.percent, 'real', 'the percentage')
      return percent && ((lookup) => positive('a percentage', percent(lookup)))
    }
    case 'at-most': {
      const tokens = number(frame, constraint.tokens, 'int', 'the number of tokens')
      return tokens && ((lookup) => positive('the number of tokens', tokens(lookup)))
    }
    case 'each-token': {
      const wanted = wantStatic(frame, constraint.experts, 'int', 'the number of experts')
      if (wanted === null) return null
      const size = sizeOf(frame, wanted)
      return (lookup) => {
        const [n, k] = [evaluateSize(size, lookup), selected === null ? undefined : evaluateSize(selected, lookup)]
        return n !== undefined && k !== undefined && n !== k ? `each token is to have ${n} experts, but the policy selects ${k}` : null
      }
    }
    default: return constraint satisfies never
  }
}

const HOLDS: readonly Constraint['kind'][] = ['dropless', 'each-token']

/** A constraint that holds, as a fact; null after a mistake. */
export function constraint(frame: Frame, node: Constraint, routed: Routed): ConstraintFact | null {
  const { span } = node
  const law = lawOf(frame, node, routed)
  if (law === null) return null
  const ok = verify(frame, (lookup) => {
    const message = law(lookup)
    return message === null ? null : { code: 'SMOE4004', message, span }
  })
  if (!ok) return null
  if (HOLDS.includes(node.kind)) return { text: wordsOf(span), origin: originOf(frame, span) }
  complain(frame, { code: 'SMOE4005', message: `\`${wordsOf(span)}\` is not supported yet`, span })
  return null
}
