/**
 * Counter-based random numbers: Philox 4x32-10 (Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3, 2011). The numbers of
 * a place depend on key and counter alone, so host, reference and device draw the same ones in any order.
 */

const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57] as const
const WEYL = [0x9e3779b9, 0xbb67ae85] as const
const ROUNDS = 10

export type Words = readonly [number, number, number, number]

/** The upper 32 bits of the product of two words. */
function high(a: number, b: number): number {
  const [aLow, aHigh, bLow, bHigh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16]
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  const cross = aLow * bHigh + (middle & 0xffff)
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(cross / 65536)) >>> 0
}

/** Four words of 32 random bits each. */
export function philox([key0, key1]: readonly [number, number], counter: Words): Words {
  let [c0, c1, c2, c3] = counter.map((word) => word >>> 0)
  let [k0, k1] = [key0 >>> 0, key1 >>> 0]
  for (let round = 0; round < ROUNDS; round++) {
    const [high0, low0] = [high(MULTIPLIERS[0], c0), Math.imul(MULTIPLIERS[0], c0) >>> 0]
    const [high1, low1] = [high(MULTIPLIERS[1], c2), Math.imul(MULTIPLIERS[1], c2) >>> 0]
    ;[c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0]
    k0 = (k0 + WEYL[0]) >>> 0
    k1 = (k1 + WEYL[1]) >>> 0
  }
  return [c0, c1, c2, c3]
}

/**
 * A number above 0 and below 1 from the upper 23 bits of a word: with the half behind them as many digits as f32 has, so it is
 * exact there.
 */
export const uniformOf = (word: number): number => ((word >>> 9) + 0.5) * 2 ** -23

/** Uniform number `index` of a stream at a step: what the op `random` gives. */
export function uniformAt(seed: number, step: number, stream: number, index: number): number {
  const words = philox([seed, stream], [Math.floor(index / 4), step, 0, 0])
  return uniformOf(words[index % 4])
}
