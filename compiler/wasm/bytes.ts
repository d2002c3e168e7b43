/**
 * A growing buffer of bytes in the encodings of the WebAssembly binary format (https://webassembly.github.io/spec/core/binary).
 */

export interface Bytes {
  readonly byte: (value: number) => void
  /** Unsigned LEB128. */
  readonly u32: (value: number) => void
  /** Signed LEB128 of a whole number of 32 bits. */
  readonly s32: (value: number) => void
  readonly s64: (value: bigint) => void
  readonly f32: (value: number) => void
  readonly f64: (value: number) => void
  /** A length, then UTF-8. */
  readonly name: (text: string) => void
  /** The number of bytes that `write` appends, then those bytes. */
  readonly sized: (write: () => void) => void
  readonly append: (bytes: Uint8Array) => void
  readonly take: () => Uint8Array<ArrayBuffer>
}

/** LEB128 of a size that is known only afterwards: five bytes, of which the first four say that another follows. */
const SIZE_BYTES = 5

export function createBytes(capacity = 1024): Bytes {
  let buffer = new Uint8Array(capacity)
  let view = new DataView(buffer.buffer)
  let length = 0

  /** Makes room for `more` bytes and returns where they begin. */
  function claim(more: number): number {
    const at = length
    length += more
    if (length > buffer.length) {
      const grown = new Uint8Array(Math.max(2 * buffer.length, length))
      grown.set(buffer)
      buffer = grown
      view = new DataView(buffer.buffer)
    }
    return at
  }

  const byte = (value: number): void => {
    const at = claim(1)
    buffer[at] = value
  }
  const u32 = (value: number): void => {
    let rest = value >>> 0
    for (; rest > 0x7f; rest >>>= 7) byte((rest & 0x7f) | 0x80)
    byte(rest)
  }
  const s32 = (value: number): void => {
    let rest = value | 0
    for (; rest < -0x40 || rest > 0x3f; rest >>= 7) byte((rest & 0x7f) | 0x80)
    byte(rest & 0x7f)
  }
  const s64 = (value: bigint): void => {
    let rest = BigInt.asIntN(64, value)
    for (; rest < -0x40n || rest > 0x3fn; rest >>= 7n) byte(Number(rest & 0x7fn) | 0x80)
    byte(Number(rest & 0x7fn))
  }
  const append = (bytes: Uint8Array): void => {
    const at = claim(bytes.length)
    buffer.set(bytes, at)
  }
  const sized = (write: () => void): void => {
    const at = claim(SIZE_BYTES)
    write()
    const size = length - at - SIZE_BYTES
    for (let place = 0; place < SIZE_BYTES; place++) {
      const isLast = place === SIZE_BYTES - 1
      buffer[at + place] = ((size >>> (7 * place)) & 0x7f) | (isLast ? 0 : 0x80)
    }
  }

  return {
    byte,
    u32,
    s32,
    s64,
    f32: (value) => {
      const at = claim(4)
      view.setFloat32(at, value, true)
    },
    f64: (value) => {
      const at = claim(8)
      view.setFloat64(at, value, true)
    },
    name: (text) => {
      const bytes = new TextEncoder().encode(text)
      u32(bytes.length)
      append(bytes)
    },
    sized,
    append,
    take: () => buffer.slice(0, length),
  }
}
