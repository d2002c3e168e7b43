/** How fast the grouped products of the layer are beside one dense product of the same shape on the same device. */
import { hasClock, type Case } from './measure.ts'

/** Profiled runs of each, in turns. */
const RUNS = 9

/** The fastest of the profiled runs counts: milliseconds of the kernels whose labels name the op. */
async function productTime({ session, inputs }: Pick<Case, 'session' | 'inputs'>, op: string): Promise<number> {
  const { dispatches } = await session.profile(inputs)
  return dispatches.reduce((sum, { label, nanoseconds }) => sum + (label.includes(op) ? nanoseconds / 1e6 : 0), 0)
}

/**
 * The share of the dense product's speed that the grouped ones reach, 0..1: that of the router and of the sort is not in it. Null
 * where the device has no clock.
 */
export async function shareOfDense(layer: Case, dense: Case): Promise<number | null> {
  if (!hasClock(layer)) return null
  let [grouped, whole] = [Infinity, Infinity]
  for (let run = 0; run < RUNS; run++) {
    grouped = Math.min(grouped, await productTime(layer, 'grouped_matmul'))
    whole = Math.min(whole, await productTime(dense, 'contract'))
  }
  return grouped === 0 ? null : whole / grouped
}
