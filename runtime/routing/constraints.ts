/** The routing constraints of a model, and the check that recorded routing satisfies them. */
import type { RoutedLayer } from './record.ts'

/** `text` is the constraint as the spec has it. */
export interface RoutingConstraints {
  /** No assignment is dropped. */
  readonly dropless: { readonly text: string } | null
  /** The maximum number of tokens of an expert. */
  readonly capacity: { readonly text: string; readonly tokens: number } | null
  /** The experts of a token are in at most `keep` of the `count` groups. */
  readonly groupLimit: { readonly text: string; readonly count: number; readonly keep: number } | null
}

function dropped({ selected, k }: RoutedLayer): string | null {
  const at = selected.findIndex((expert) => expert < 0)
  return at < 0 ? null : `slot ${at % k} of token ${Math.floor(at / k)} is dropped`
}

function crowded({ selected, experts }: RoutedLayer, tokens: number): string | null {
  const counts = new Array<number>(experts).fill(0)
  for (const expert of selected) if (expert >= 0) counts[expert]++
  const expert = counts.findIndex((count) => count > tokens)
  return expert < 0 ? null : `expert ${expert} answers ${counts[expert]} tokens, ${tokens} are the most`
}

function scattered({ selected, tokens, k, experts }: RoutedLayer, count: number, keep: number): string | null {
  for (let token = 0; token < tokens; token++) {
    const chosen = [...selected.subarray(token * k, token * k + k)].filter((expert) => expert >= 0)
    const groups = new Set(chosen.map((expert) => Math.floor((expert * count) / experts)))
    if (groups.size > keep) return `the experts of token ${token} lie in ${groups.size} groups, ${keep} are kept`
  }
  return null
}

/** Describes the first constraint that a layer violates; null if there is none. */
export function violatedConstraint(
  layer: RoutedLayer,
  { dropless: answersAll, capacity: most, groupLimit: groups }: RoutingConstraints,
): string | null {
  const required = (text: string, problem: string | null): string | null =>
    problem === null ? null : `${problem}, and the model requires \`${text}\``
  return (
    (answersAll === null ? null : required(answersAll.text, dropped(layer))) ??
    (most === null ? null : required(most.text, crowded(layer, most.tokens))) ??
    (groups === null ? null : required(groups.text, scattered(layer, groups.count, groups.keep)))
  )
}
