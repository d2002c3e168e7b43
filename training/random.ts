/**
 * Counter-based random numbers of the host (Philox). Each use has a domain and each stream a name, so that the numbers of a
 * weight, a layer or an epoch do not depend on any other. The domain is the third word of the counter, which is 0 in the op
 * `random`, so that streams never overlap.
 */
import { philox, uniformOf, type Words } from '../plan/philox.ts'

const DOMAINS = { weights: 1, shuffle: 2, competition: 3, split: 4, tokens: 5 } as const

export type Domain = keyof typeof DOMAINS

/** FNV-1a over the UTF-16 code units, from an offset basis. */
function hash(text: string, basis: number): number {
  let bits = basis
  for (let at = 0; at < text.length; at++) bits = Math.imul(bits ^ text.charCodeAt(at), 0x01000193)
  return bits >>> 0
}

export interface Stream {
  /** The number at `index`, in (0, 1). */
  readonly uniform: (index: number) => number
  /** An integer in 0..below-1. */
  readonly below: (index: number, below: number) => number
}

/** The stream of a name in a domain. A 64-bit hash of the name is in the key and the counter. */
export function stream(seed: number, domain: Domain, name: string): Stream {
  const [low, high] = [hash(name, 0x811c9dc5), hash(name, 0x050c5d1f)]
  let [block, words]: [number, Words] = [-1, [0, 0, 0, 0]]
  const word = (index: number): number => {
    const wanted = Math.floor(index / 4)
    if (wanted !== block) [block, words] = [wanted, philox([seed, low], [wanted, 0, DOMAINS[domain], high])]
    return words[index % 4]
  }
  return { uniform: (index) => uniformOf(word(index)), below: (index, below) => Math.floor((word(index) * below) / 2 ** 32) }
}

/** A random permutation of 0..count-1 (Fisher and Yates, 1938). */
export function permutation(count: number, { below }: Stream): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, at) => at)
  for (let last = count - 1; last > 0; last--) {
    const other = below(count - 1 - last, last + 1)
    ;[order[last], order[other]] = [order[other], order[last]]
  }
  return order
}
