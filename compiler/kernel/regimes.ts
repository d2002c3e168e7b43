/** Which programs a graph is compiled to: one for a handful of tokens and one for any number, where that number is open. */
import { isConstant, constantValue, type Dim } from '../../plan/dim.ts'
import type { Graph } from '../graph/node.ts'
import type { Regime } from './context.ts'
import { needed } from '../graph/walk.ts'
import { isProduct, productView } from './product-view.ts'

export interface PlannedProgram {
  readonly name: string
  readonly regime: Regime
  /** Holds when `dim` is at most `atMost`; null always holds. */
  readonly when: { readonly dim: string; readonly atMost: number } | null
}

/** Up to here weights are read faster row by row than tile by tile. */
const FEW_TOKENS = 8

export function planRegimes(graph: Graph): readonly PlannedProgram[] {
  const tokens = tokenCount(graph)
  if (tokens === null) return [{ name: 'any', regime: 'many', when: null }]
  const known = constantValue(tokens)
  if (known !== undefined) return [known <= FEW_TOKENS ? { name: 'few', regime: 'few', when: null } : { name: 'many', regime: 'many', when: null }]
  return [
    { name: 'few', regime: 'few', when: { dim: tokens.key, atMost: FEW_TOKENS } },
    { name: 'many', regime: 'many', when: null },
  ]
}

/** The rows that most products have: the tokens of the batch. */
function tokenCount(graph: Graph): Dim | null {
  const counts = new Map<Dim, number>()
  for (const node of needed(graph)) {
    if (!isProduct(node)) continue
    const { kind, rows } = productView(node)
    if (kind === 'dense') counts.set(rows, (counts.get(rows) ?? 0) + 1)
  }
  const sorted = [...counts].sort(([a, n], [b, m]) => Number(isConstant(a)) - Number(isConstant(b)) || m - n)
  return sorted[0]?.[0] ?? null
}
