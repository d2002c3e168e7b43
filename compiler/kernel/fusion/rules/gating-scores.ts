/**
 * The gating kernel, a GEMM with a top-k epilogue: the kernel that ranks rows computes their scores, which are few columns, as
 * well.
 */
import type { Node } from '../../../graph/node.ts'
import { hasMatmulTemplate } from '../../matmul/matmul-view.ts'
import type { Draft } from '../draft.ts'
import type { Drafts } from '../drafts.ts'
import { liveOuts } from '../facts.ts'

export function joinGatingScores(drafts: Drafts): void {
  for (const rows of drafts.all()) if ([...rows.members].some((node) => node.op === 'top_k')) joinScoresOf(drafts, rows)
}

const inOrder = (a: Draft, b: Draft): number => a.anchor.id - b.anchor.id

/** The scores, and matmuls that those read in their turn. */
function joinScoresOf(drafts: Drafts, rows: Draft): void {
  const waiting = matmulsReadBy(drafts, rows.members)
  for (let scores = waiting.shift(); scores !== undefined; scores = waiting.shift()) {
    const { anchor, members } = scores
    if (!areReadBy(drafts, rows, scores) || drafts.absorb(rows, scores) !== null) continue
    const more = matmulsReadBy(drafts, members).filter((draft) => draft.anchor.id > anchor.id && !waiting.includes(draft))
    waiting.push(...more)
    waiting.sort(inOrder)
  }
}

function matmulsReadBy(drafts: Drafts, nodes: Iterable<Node>): Draft[] {
  const found = new Set<Draft>()
  for (const node of nodes) {
    for (const input of node.inputs) {
      const draft = drafts.groupOf(input)
      if (draft?.kind === 'matmul') found.add(draft)
    }
  }
  return [...found].sort(inOrder)
}

/** Whether the group is one matmul whose results nothing but the rows reads. */
function areReadBy(drafts: Drafts, rows: Draft, scores: Draft): boolean {
  if ([...scores.members].filter(hasMatmulTemplate).length !== 1) return false
  const { facts } = drafts
  const isReadByRows = (node: Node): boolean =>
    !facts.outputs.has(node) && facts.users.get(node)!.every((user) => rows.members.has(user))
  if (liveOuts(facts, scores.members).every(isReadByRows)) return true
  drafts.refuse(rows, scores.anchor, { kind: 'live-outs' })
  return false
}
