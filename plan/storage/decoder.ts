/**
 * The arithmetic that decodes are written over. Each user of a format gives its own: numbers on the host, text in WGSL, vectors
 * in WebAssembly.
 */

/**
 * `I` are integers of 32 bits, whose sums and products wrap around; `F` are f32. A format reads bytes of its block alone, at
 * offsets that it computes from the place of the element.
 */
export interface Decoder<I, F> {
  readonly integer: (value: number) => I
  readonly float: (value: number) => F
  /** The byte at an offset from the start of the block, 0 .. 255. */
  readonly byte: (at: I) => I
  /** The 16 bits at an even offset, little-endian. */
  readonly half: (at: I) => I
  readonly add: (a: I, b: I) => I
  readonly and: (a: I, mask: number) => I
  readonly or: (a: I, b: I) => I
  readonly shiftLeft: (a: I, bits: number) => I
  /** The sign is not kept. */
  readonly shiftRight: (a: I, bits: number) => I
  readonly equal: (a: I, value: number) => I
  /** `then` where the condition is not 0. */
  readonly choose: (condition: I, then: I, otherwise: I) => I
  readonly chooseFloat: (condition: I, then: F, otherwise: F) => F
  /** A signed integer, of at most 24 bits, as f32. */
  readonly convert: (a: I) => F
  /** The f32 of these bits. */
  readonly bits: (a: I) => F
  readonly plus: (a: F, b: F) => F
  readonly times: (a: F, b: F) => F
}

/** Elements of a weight as bytes. */
export interface StorageFormat {
  /** Elements of a block, neighbours along the last axis: 1, or a multiple of 4. */
  readonly elements: number
  readonly bytes: number
  /** The element at a place of the block, 0 .. `elements` - 1. */
  readonly decode: <I, F>(decoder: Decoder<I, F>, place: I) => F
  readonly doc: string
}

/** One of the codes of 4 bits behind a byte of the block: two neighbours share a byte, the first has the lower bits. */
export function neighbour<I, F>(d: Decoder<I, F>, place: I, from: number): I {
  const byte = d.byte(d.add(d.shiftRight(place, 1), d.integer(from)))
  return d.and(d.choose(d.and(place, 1), d.shiftRight(byte, 4), byte), 15)
}

/** The f32 at the start of the block. */
export function leadingFloat<I, F>(d: Decoder<I, F>): F {
  const upper = d.shiftLeft(d.half(d.integer(2)), 16)
  return d.bits(d.or(upper, d.half(d.integer(0))))
}

/** Bits of 16 as IEEE 754 binary16, exactly; no step has a subnormal f32, which some devices flush to zero. */
export function halfFloat<I, F>(d: Decoder<I, F>, bits: I): F {
  const size = d.shiftLeft(d.and(bits, 0x7fff), 13)
  const exponent = d.and(bits, 0x7c00)
  const bias = d.choose(d.equal(exponent, 0x7c00), d.integer(0x70000000), d.integer(0x38000000))
  // a subnormal number becomes 2^-14 (1 + fraction), less 2^-14
  const small = d.plus(d.bits(d.add(size, d.integer(0x38800000))), d.float(-(2 ** -14)))
  const sign = d.bits(d.or(d.shiftLeft(d.and(bits, 0x8000), 16), d.integer(0x3f800000)))
  return d.times(d.chooseFloat(d.equal(exponent, 0), small, d.bits(d.add(size, bias))), sign)
}

/** The bit of a byte at an index, of which the lowest three bits count. */
export function bitAt<I, F>(d: Decoder<I, F>, byte: I, index: I): I {
  const four = d.choose(d.and(index, 4), d.shiftRight(byte, 4), byte)
  const two = d.choose(d.and(index, 2), d.shiftRight(four, 2), four)
  return d.and(d.choose(d.and(index, 1), d.shiftRight(two, 1), two), 1)
}

/** The two bits of a byte from bit 2 `pair` on; the lowest two bits of `pair` count. */
export function pairAt<I, F>(d: Decoder<I, F>, byte: I, pair: I): I {
  const upper = d.choose(d.and(pair, 2), d.shiftRight(byte, 4), byte)
  return d.and(d.choose(d.and(pair, 1), d.shiftRight(upper, 2), upper), 3)
}

/** One of 16 integers of -128 .. 127. */
export function tableOfBytes<I, F>(d: Decoder<I, F>, table: readonly number[], index: I): I {
  const words = [0, 4, 8, 12].map((at) => d.integer(packed(table.slice(at, at + 4))))
  const [low, high] = [0, 2].map((at) => d.choose(d.and(index, 4), words[at + 1], words[at]))
  const word = d.choose(d.and(index, 8), high, low)
  const two = d.choose(d.and(index, 2), d.shiftRight(word, 16), word)
  const byte = d.and(d.choose(d.and(index, 1), d.shiftRight(two, 8), two), 0xff)
  return d.add(byte, d.choose(d.and(byte, 0x80), d.integer(-256), d.integer(0)))
}

/** Four bytes as a word, the first lowest. */
const packed = (bytes: readonly number[]): number => bytes.reduce((word, byte, at) => word | ((byte & 0xff) << (8 * at)), 0)
