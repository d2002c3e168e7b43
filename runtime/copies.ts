/** Device copies between two buffers, which may be split into parts at different elements. */
import type { Copy, Part } from './device.ts'
import { copySize } from './memory.ts'

/** The copies that move all elements of `from` to `to`, in order. */
export function copiesBetween(from: readonly Part[], to: readonly Part[]): readonly Copy[] {
  const copies: Copy[] = []
  let [source, target, read, written] = [0, 0, 0, 0]
  while (source < from.length && target < to.length) {
    const [here, there] = [from[source], to[target]]
    const elements = Math.min(here.elements - read, there.elements - written)
    const place = { fromOffset: here.offset + read * here.bytes, toOffset: there.offset + written * there.bytes }
    if (elements > 0) copies.push({ from: here.buffer, to: there.buffer, ...place, bytes: copySize(elements, here.bytes) })
    read += elements
    written += elements
    if (read === here.elements) [source, read] = [source + 1, 0]
    if (written === there.elements) [target, written] = [target + 1, 0]
  }
  return copies
}
