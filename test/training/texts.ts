/** Streams to learn from. */
import { uniformAt } from '../../plan/philox.ts'
import type { StreamData } from '../../training/data/data.ts'

/** A stream of 12 kinds of token in which each is followed by the next, or by the one after. */
export function chain(length: number, seed = 0): StreamData {
  const tokens = new Int32Array(length)
  for (let at = 1; at < length; at++) tokens[at] = (tokens[at - 1] + (uniformAt(seed, 0, 0, at) < 0.7 ? 1 : 2)) % 12
  return { kind: 'stream', name: 'made up', tokens, vocabulary: null }
}
