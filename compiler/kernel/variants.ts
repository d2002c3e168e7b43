/**
 * Which programs a graph is compiled to where the number of tokens is open: one for a handful and one for any number; and one between, where
 * a transport plan is still small enough for a single workgroup.
 */
import { isConstant, constantValue, type Dim } from '../../plan/dim.ts'
import type { Graph } from '../graph/node.ts'
import { areBatches } from '../graph/routes.ts'
import type { Target } from '../../plan/target.ts'
import type { Regime } from './scope/context.ts'
import { isOp, needed } from '../graph/walk.ts'
import { isProduct, productView, type ProductView } from './matmul/matmul-view.ts'
import { sinkhornReach } from './sinkhorn/statements.ts'

export interface PlannedProgram {
  readonly name: string
  readonly regime: Regime
  /** Holds when `dim` is at most `atMost`; null always holds. */
  readonly when: { readonly dim: string; readonly atMost: number } | null
}

/** Up to here weights are read faster row by row than tile by tile. */
const FEW_TOKENS = 8

export function planRegimes(graph: Graph, target: Target): readonly PlannedProgram[] {
  const tokens = tokenCount(graph)
  const several = scaledByOne(graph, tokens, target)
  if (tokens === null) return [...several, { name: 'any', regime: 'many', when: null }]
  const known = constantValue(tokens)
  if (known !== undefined)
    return [known <= FEW_TOKENS ? { name: 'few', regime: 'few', when: null } : { name: 'many', regime: 'many', when: null }]
  return [
    { name: 'few', regime: 'few', when: { dim: tokens.key, atMost: FEW_TOKENS } },
    ...several,
    { name: 'many', regime: 'many', when: null },
  ]
}

/** The program for as many tokens as leave every transport plan of theirs to one workgroup; none where there is no plan, or it is never so. */
function scaledByOne(graph: Graph, tokens: Dim | null, target: Target): readonly PlannedProgram[] {
  const plans = needed(graph).flatMap((node) => (isOp(node, 'sinkhorn') ? [node.inputs[0].shape] : []))
  const open = tokens ?? plans.find(([rows]) => !isConstant(rows))?.[0]
  if (open === undefined || isConstant(open)) return []
  const bounds = plans
    .filter(([rows]) => rows === open)
    .map(([, columns]) => Math.floor(sinkhornReach(target) / (constantValue(columns) ?? Infinity)))
  const atMost = Math.min(...bounds)
  return bounds.length > 0 && atMost > FEW_TOKENS ? [{ name: 'several', regime: 'many', when: { dim: open.key, atMost } }] : []
}

/** T of a product whose rows, token by token, have experts ids [T, K]; null of any other. */
function routedTokens({ expert }: ProductView): Dim | null {
  if (expert === null || expert.op !== 'reshape' || areBatches(expert)) return null
  const [ids] = expert.inputs
  return ids.shape.length === 2 ? ids.shape[0] : null
}

/** The rows that most products have: the tokens of the batch. Of routed products those that are routed count, so that a layer whose routes are given has the programs it has with a router. */
function tokenCount(graph: Graph): Dim | null {
  const counts = new Map<Dim, number>()
  for (const node of needed(graph)) {
    if (!isProduct(node)) continue
    const view = productView(node)
    const rows = view.kind === 'dense' ? view.rows : routedTokens(view)
    if (rows !== null) counts.set(rows, (counts.get(rows) ?? 0) + 1)
  }
  const sorted = [...counts].sort(([a, n], [b, m]) => Number(isConstant(a)) - Number(isConstant(b)) || m - n)
  return sorted[0]?.[0] ?? null
}
