import { fractions, type Load } from './load.ts'

/**
 * EAE = -sum f log2 f / log2 E over the fractions of load: 1 where all experts are equally busy, 0 where one does all.
 * LibMoE, appendix E. Null where nothing was kept, or one expert is all there are.
 */
export function allocationEntropy(load: Load): number | null {
  if (load.kept === 0 || load.counts.length < 2) return null
  const bits = fractions(load).reduce((sum, part) => (part === 0 ? sum : sum - part * Math.log2(part)), 0)
  return bits / Math.log2(load.counts.length)
}
