/** The forms of a policy: its active `when training` blocks decide what is selected, how it is weighed and what is kept. */
import type { Policy, Route, TrainingBlock, PolicySection } from '../model.ts'

/** No block is active at inference. */
export const AT_INFERENCE: ReadonlySet<number> = new Set()

/** Whether a block is active only in some steps of training, which are drawn at random. */
export const isDrawn = ({ rate, after, atMost }: Pick<TrainingBlock, 'rate' | 'after' | 'atMost'>): boolean =>
  rate !== null || after !== null || atMost !== null

/** The active sections: one branch of each block, in the order of the text, then the statements outside of all. */
export const sectionsOf = (
  { own, blocks }: Pick<Policy, 'own' | 'blocks'>,
  active: ReadonlySet<number>,
): readonly PolicySection[] => [
  ...blocks.map(({ training, otherwise }, block) => (active.has(block) ? training : otherwise)),
  own,
]

const settledBy = <K extends 'select' | 'weights' | 'keep'>(
  sections: readonly PolicySection[],
  what: K,
): PolicySection[K] | null => sections.find((section) => section[what] !== null)?.[what] ?? null

/** What a policy selects, weighs and keeps with these blocks active; a block takes precedence over statements outside. */
export function settledIn(policy: Pick<Policy, 'own' | 'blocks'>, active: ReadonlySet<number>): Omit<PolicySection, 'steps'> {
  const sections = sectionsOf(policy, active)
  return { select: settledBy(sections, 'select'), weights: settledBy(sections, 'weights'), keep: settledBy(sections, 'keep') }
}

/** One form of a checked policy. */
export function routeIn(policy: Pick<Policy, 'own' | 'blocks'>, active: ReadonlySet<number>): Route {
  const { select, weights, keep } = settledIn(policy, active)
  if (select === null || weights === null) throw new Error('a form of a policy selects nothing, or weighs nothing')
  return {
    ...select,
    weights,
    keep,
    steps: sectionsOf(policy, active)
      .slice(0, -1)
      .flatMap(({ steps }) => steps),
  }
}
