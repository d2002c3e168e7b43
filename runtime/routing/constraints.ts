/** What a model requires of decisions, and whether those that are given keep it. */
import type { RoutedLayer } from './record.ts'

/** `text` is the requirement in the model's words. */
export interface RoutingConstraints {
  /** No slot is dropped. */
  readonly dropless: { readonly text: string } | null
  /** So many tokens an expert at most. */
  readonly capacity: { readonly text: string; readonly tokens: number } | null
  /** The experts of a token lie in `keep` groups of the `count`. */
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

/** The first promise that a layer breaks, in words; null where it keeps all. */
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
