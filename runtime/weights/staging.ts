/** Weights on their way to the device: elements are put in their places on the host until a range of the weight is complete. */
import { BYTES } from '../../plan/plan.ts'
import { formatOf } from '../../plan/storage/formats.ts'
import type { NumberArray } from '../checkpoint/dtypes.ts'
import type { Device, Part } from '../device.ts'
import { arrayOf, type HostArray } from '../tensors.ts'
import { encodeElements } from './convert.ts'
import { isKept, type Match } from './match.ts'
import type { StridedCopy } from './view.ts'

/** One piece of a weight, element after element. */
export interface Staging {
  /** Puts what is copied in its place; `read` are elements of the file from `first` on, or the bytes of its blocks. */
  readonly put: (copies: readonly StridedCopy[], read: NumberArray, first: number) => void
  readonly flush: () => void
}

/** Writes the bytes of a weight in order. The device takes whole words: the rest of one waits for the next bytes. */
export interface ByteWriter {
  readonly write: (bytes: Uint8Array) => void
  /** After the last bytes. */
  readonly end: () => void
}

const WORD = 4

export function createByteWriter(device: Device, parts: readonly Part[]): ByteWriter {
  let [part, written] = [0, 0]
  let rest = new Uint8Array(0)
  const writeWords = (bytes: Uint8Array): void => {
    for (let at = 0; at < bytes.length;) {
      const { buffer, offset, contents } = parts[part]
      const room = Math.ceil(contents / WORD) * WORD - written
      const count = Math.min(room, bytes.length - at)
      device.write(buffer, offset + written, new Uint32Array(bytes.buffer, bytes.byteOffset + at, count / WORD), 0, count / WORD)
      at += count
      written += count
      if (count === room) [part, written] = [part + 1, 0]
    }
  }
  return {
    write: (bytes) => {
      const whole = Math.floor((rest.length + bytes.length) / WORD) * WORD
      if (rest.length === 0 && bytes.byteOffset % WORD === 0) {
        writeWords(bytes.subarray(0, whole))
        rest = bytes.slice(whole)
        return
      }
      const joined = new Uint8Array(rest.length + bytes.length)
      joined.set(rest)
      joined.set(bytes, rest.length)
      writeWords(joined.subarray(0, whole))
      rest = joined.slice(whole)
    },
    end: () => {
      if (rest.length === 0) return
      const last = new Uint8Array(WORD)
      last.set(rest)
      writeWords(last)
      rest = new Uint8Array(0)
    },
  }
}

/** Writes `count` elements of a weight from element `start` on, across its parts. */
function writeRange(device: Device, parts: readonly Part[], data: HostArray, start: number, count: number): void {
  let partStart = 0
  for (const { buffer, offset, elements, bytes } of parts) {
    const from = Math.max(start, partStart)
    const to = Math.min(start + count, partStart + elements)
    if (from < to) {
      const at = offset + (from - partStart) * bytes
      device.write(buffer, at, data, from - start, to - from)
    }
    partStart += elements
  }
}

function copyStrided(
  data: HostArray,
  base: number,
  { from, stride: step, count, toStride: toStep }: StridedCopy,
  elements: NumberArray,
  first: number,
): void {
  const start = from - first
  if (step === 1 && toStep === 1 && !(elements instanceof BigInt64Array)) {
    data.set(elements.subarray(start, start + count), base)
    return
  }
  for (let at = 0; at < count; at++) data[base + at * toStep] = Number(elements[start + at * step])
}

/** Units of so many bytes. */
function copyUnits(
  data: Uint8Array,
  base: number,
  { from, stride, count, toStride }: StridedCopy,
  units: Uint8Array,
  first: number,
  size: number,
): void {
  const start = from - first
  if (stride === 1 && toStride === 1) return data.set(units.subarray(start * size, (start + count) * size), base * size)
  for (let at = 0; at < count; at++) {
    const [source, target] = [(start + at * stride) * size, (base + at * toStride) * size]
    for (let byte = 0; byte < size; byte++) data[target + byte] = units[source + byte]
  }
}

/** Where copies of what was read are put. */
interface Placer {
  /** Puts a copy at a place of the staging. */
  readonly place: (copy: StridedCopy, base: number) => void
  /** Writes a copy of neighbours to neighbours as it is; null where it must be converted. */
  readonly direct: ((copy: StridedCopy) => void) | null
}

/** What a staging copies, and where it goes once a range is complete. */
interface Sink {
  /** Of what was read from element or block `first` on. */
  readonly from: (read: NumberArray, first: number) => Placer
  /** Writes the first `count` elements of the staging as those of the piece from `start` on. */
  readonly write: (start: number, count: number) => void
}

/** A value that is made when it is first asked for. */
function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null
  return () => (made ??= { value: make() }).value
}

function plainSink(device: Device, { port, start }: Match, parts: readonly Part[], capacity: number): Sink {
  const data = lazily(() => arrayOf(port.dtype, new ArrayBuffer(capacity * BYTES[port.dtype])))
  const HostClass = arrayOf(port.dtype, new ArrayBuffer(0)).constructor
  return {
    from: (elements, first) => ({
      place: (copy, base) => copyStrided(data(), base, copy, elements, first),
      direct:
        elements.constructor !== HostClass
          ? null
          : ({ from, count, to }) => {
              const own = elements.subarray(from - first, from - first + count) as HostArray
              writeRange(device, parts, own, start + to, count)
            },
    }),
    write: (from, count) => writeRange(device, parts, data().subarray(0, count), start + from, count),
  }
}

function storedSink(match: Match, writer: ByteWriter, capacity: number): Sink {
  const { format } = match.port.storage!
  const { bytes: size } = formatOf(format)
  const data = lazily(() => new Uint8Array(capacity * size))
  return {
    from: (read, first) => {
      const units = isKept(match) ? (read as Uint8Array) : encodeElements(format, read)
      return {
        place: (copy, base) => copyUnits(data(), base, copy, units, first, size),
        direct: ({ from, count }) => writer.write(units.subarray((from - first) * size, (from - first + count) * size)),
      }
    },
    write: (_, count) => writer.write(data().subarray(0, count * size)),
  }
}

/** Whether a copy is of neighbours to neighbours, and the whole of what follows element `from` of the weight. */
const isWhole = ({ stride, toStride, count, to, complete }: StridedCopy, from: number): boolean =>
  stride === 1 && toStride === 1 && to === from && to + count === complete

/** Fewer elements are put together before they are written: a write has a cost of its own. */
const LEAST_DIRECT = 4096

/**
 * The staging of one piece; `writer` takes the bytes of a weight that is stored in a format. `capacity` is in elements: that of
 * the staging, which is made where copies are not of neighbours or must be put together.
 */
export function createStaging(
  device: Device,
  match: Match,
  parts: readonly Part[],
  writer: ByteWriter | null,
  capacity: number,
): Staging {
  const sink = writer === null ? plainSink(device, match, parts, capacity) : storedSink(match, writer, capacity)
  let flushed = 0
  /** Before it all elements are staged, once the range up to `next` is begun. */
  let [complete, next] = [0, 0]
  const flushTo = (end: number): void => {
    if (end > flushed) sink.write(flushed, end - flushed)
    flushed = end
  }
  return {
    put: (copies, read, first) => {
      const { place, direct } = sink.from(read, first)
      for (const copy of copies) {
        if (copy.complete !== next) [complete, next] = [next, copy.complete]
        const isDirect = direct !== null && copy.count >= LEAST_DIRECT && isWhole(copy, complete)
        if (isDirect || next - flushed > capacity) flushTo(complete)
        if (isDirect) {
          direct(copy)
          flushed = copy.complete
        } else place(copy, copy.to - flushed)
      }
    },
    flush: () => flushTo(next),
  }
}
