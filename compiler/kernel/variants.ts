/**
 * The variants of a program that a graph is compiled to where the number of tokens is open: decode for a handful, prefill for any
 * number, and short prefill between them, where one workgroup still reaches a whole Sinkhorn transport plan.
 */
import { isConstant, constantValue, type Dim } from '../../plan/dim.ts'
import type { Graph } from '../graph/node.ts'
import { isBatchedByExpert } from '../graph/expert-rows.ts'
import type { Target } from '../../plan/target.ts'
import { tilesFor } from '../../plan/tiles.ts'
import type { Variant } from './scope/context.ts'
import { isOp, liveNodes } from '../graph/walk.ts'
import { hasMatmulTemplate, matmulView, type MatmulView } from './matmul/matmul-view.ts'

export interface PlannedProgram {
  readonly name: string
  readonly variant: Variant
  /** Holds when `dim` is at most `atMost`; null always holds. */
  readonly when: { readonly dim: string; readonly atMost: number } | null
}

/** Up to so many tokens, a matmul that reads weights row by row is faster than one of tiles. */
const DECODE_TOKENS = 8

export function planVariants(graph: Graph, target: Target): readonly PlannedProgram[] {
  const tokens = batchTokens(graph)
  const several = oneWorkgroupPrefill(graph, tokens, target)
  if (tokens === null) return [...several, { name: 'any', variant: 'prefill', when: null }]
  const known = constantValue(tokens)
  if (known !== undefined)
    return [
      known <= DECODE_TOKENS
        ? { name: 'decode', variant: 'decode', when: null }
        : { name: 'prefill', variant: 'prefill', when: null },
    ]
  return [
    { name: 'decode', variant: 'decode', when: { dim: tokens.key, atMost: DECODE_TOKENS } },
    ...several,
    { name: 'prefill', variant: 'prefill', when: null },
  ]
}

/**
 * The short prefill: as many tokens as one workgroup reaches of every transport plan. Empty where there is no plan, or that is
 * never more than decode.
 */
function oneWorkgroupPrefill(graph: Graph, tokens: Dim | null, target: Target): readonly PlannedProgram[] {
  const plans = liveNodes(graph).flatMap((node) => (isOp(node, 'sinkhorn') ? [node.inputs[0].shape] : []))
  const open = tokens ?? plans.find(([rows]) => !isConstant(rows))?.[0]
  if (open === undefined || isConstant(open)) return []
  const bounds = plans
    .filter(([rows]) => rows === open)
    .map(([, columns]) => Math.floor(tilesFor(target).sinkhornEntries / (constantValue(columns) ?? Infinity)))
  const atMost = Math.min(...bounds)
  return bounds.length > 0 && atMost > DECODE_TOKENS
    ? [{ name: 'short prefill', variant: 'prefill', when: { dim: open.key, atMost } }]
    : []
}

/** T of a grouped GEMM over (token, k) assignments with expert ids [T, topK]; null of any other matmul. */
function routedTokens({ expert }: MatmulView): Dim | null {
  if (expert === null || expert.op !== 'reshape' || isBatchedByExpert(expert)) return null
  const [ids] = expert.inputs
  return ids.shape.length === 2 ? ids.shape[0] : null
}

/**
 * The tokens of the batch: the rows that most matmuls have. A grouped GEMM counts its tokens, so that a layer with given routes
 * has the same variants as one with a router.
 */
function batchTokens(graph: Graph): Dim | null {
  const counts = new Map<Dim, number>()
  for (const node of liveNodes(graph)) {
    if (!hasMatmulTemplate(node)) continue
    const view = matmulView(node)
    const rows = view.kind === 'dense' ? view.rows : routedTokens(view)
    if (rows !== null) counts.set(rows, (counts.get(rows) ?? 0) + 1)
  }
  const sorted = [...counts].sort(([a, n], [b, m]) => Number(isConstant(a)) - Number(isConstant(b)) || m - n)
  return sorted[0]?.[0] ?? null
}
