/** What was refused, in words for listings. */
import { MOVEMENTS, movedFrom } from '../../graph/families.ts'
import type { OpName } from '../../graph/vocabulary.ts'
import { listOps } from '../scope/describe.ts'
import type { Refusal, RefusedNode } from '../not-fused.ts'

/** Ops that pass values on: a reader needs what computes them. */
const PASSING: ReadonlySet<OpName> = new Set<OpName>([...MOVEMENTS, 'concat', 'optimization_barrier'])

/**
 * The reason as the end of a sentence: `not fused with top_k: the scores would take 70000 bytes of workgroup memory, of 16384`.
 */
function reasonOf(refusal: Refusal): string {
  switch (refusal.kind) {
    case 'fused elsewhere':
      return `part of the kernel of ${refusal.anchor.op}`
    case 'split constraint':
      return 'split off, as the kernel would bind more buffers than the target has'
    case 'own kernel':
      return 'its op has a kernel of its own'
    case 'iteration space':
      return 'another iteration space'
    case 'unwritten rows':
      return 'it gives values to rows without an expert, which this kernel leaves unwritten'
    case 'parallelism':
      return 'it would run in a single workgroup'
    case 'chain length':
      return `a chain of ${refusal.length} nodes, of at most ${refusal.limit}`
    case 'self-read':
      return `${refusal.matmul.op} reads all of ${movedFrom(refusal.operand, PASSING).op}, which must be complete before`
    case 'workgroup memory':
      return `the scores would take ${refusal.bytes} bytes of workgroup memory, of ${refusal.limit}`
    case 'histogram block':
      return `it counts blocks of ${refusal.rows} rows, of at most ${refusal.limit}`
    case 'cycle':
      return `a cycle through ${refusal.through.op}`
    case 'live-outs':
      return 'more values to store'
  }
}

/** What did not join a kernel, for listings: nodes of one reason together, as `sum x2, exp`. */
export interface NotFused {
  readonly ops: string
  readonly reason: string
}

export function listRefused(refused: readonly RefusedNode[]): readonly NotFused[] {
  const byReason = new Map<string, Map<string, number>>()
  for (const { node, refusal } of refused) {
    const reason = reasonOf(refusal)
    const ops = byReason.get(reason) ?? new Map<string, number>()
    byReason.set(reason, ops.set(node.op, (ops.get(node.op) ?? 0) + 1))
  }
  return [...byReason].map(([reason, ops]) => ({ ops: listOps(ops), reason }))
}
