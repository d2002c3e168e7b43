/** The expert histogram of what a gating kernel has ranked is counted by that kernel, block by block of its rows. */
import type { Drafts } from '../drafts.ts'

export function joinExpertHistograms(drafts: Drafts): void {
  for (const rows of drafts.all()) {
    if (rows.kind !== 'rows') continue
    const readers = [...rows.members].flatMap((node) => drafts.users.get(node)!)
    const histograms = new Set(readers.filter(({ op }) => op === 'expert_histogram').map((node) => drafts.groupOf(node)!))
    for (const histogram of [...histograms].sort((a, b) => a.anchor.id - b.anchor.id))
      if (histogram.kind === 'custom') drafts.absorb(rows, histogram)
  }
}
