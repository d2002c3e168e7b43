/** Decodes weights on the host. */
import type { Decoder } from './decoder.ts'
import { formatOf, type WeightStorage } from './formats.ts'

const view = new DataView(new ArrayBuffer(4))

function bitsOf(word: number): number {
  view.setInt32(0, word)
  return view.getFloat32(0)
}

/** Arithmetic of numbers; `start` is the byte at which the block begins, and may be moved on. */
function hostDecoder(bytes: Uint8Array): Decoder<number, number> & { start: number } {
  const decoder = {
    start: 0,
    integer: (value: number) => value,
    float: Math.fround,
    byte: (at: number) => bytes[decoder.start + at],
    half: (at: number) => bytes[decoder.start + at] | (bytes[decoder.start + at + 1] << 8),
    add: (a: number, b: number) => (a + b) | 0,
    and: (a: number, mask: number) => a & mask,
    or: (a: number, b: number) => a | b,
    shiftLeft: (a: number, bits: number) => a << bits,
    shiftRight: (a: number, bits: number) => (a >>> bits) | 0,
    equal: (a: number, value: number) => Number(a === value),
    choose: (condition: number, then: number, otherwise: number) => (condition !== 0 ? then : otherwise),
    chooseFloat: (condition: number, then: number, otherwise: number) => (condition !== 0 ? then : otherwise),
    convert: (a: number) => a,
    bits: bitsOf,
    plus: (a: number, b: number) => Math.fround(a + b),
    times: (a: number, b: number) => Math.fround(a * b),
  }
  return decoder
}

/** The first `count` elements of whole rows, or of whole blocks. */
export function decodeElements({ format, row }: WeightStorage, bytes: Uint8Array, count: number): Float32Array {
  const block = formatOf(format)
  const decoder = hostDecoder(bytes)
  const values = new Float32Array(count)
  const length = row ?? block.elements
  for (let first = 0; first < count; first += length) {
    const end = Math.min(length, count - first)
    for (let at = 0; at < end; at += block.elements) {
      const places = Math.min(block.elements, end - at)
      for (let place = 0; place < places; place++) values[first + at + place] = block.decode(decoder, place)
      decoder.start += block.bytes
    }
  }
  return values
}
