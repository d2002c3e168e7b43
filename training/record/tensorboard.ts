/** Event files of TensorBoard: TFRecords, each with an `Event` protocol buffer. */
import { crc32c } from '../../plan/crc32c.ts'
import type { Scalar } from './scalars.ts'

/** Wire types of protocol buffers. */
const [VARINT, DOUBLE, BYTES, FLOAT] = [0, 1, 2, 5]

function varint(value: number): readonly number[] {
  const bytes: number[] = []
  let left = value
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) + 128)
  return [...bytes, left]
}

const fixed = (size: 4 | 8, value: number): readonly number[] => {
  const view = new DataView(new ArrayBuffer(size))
  if (size === 4) view.setFloat32(0, value, true)
  else view.setFloat64(0, value, true)
  return [...new Uint8Array(view.buffer)]
}

const key = (field: number, wire: number): readonly number[] => varint(field * 8 + wire)
const message = (field: number, bytes: readonly number[]): readonly number[] => [
  ...key(field, BYTES),
  ...varint(bytes.length),
  ...bytes,
]
const text = (field: number, value: string): readonly number[] => message(field, [...new TextEncoder().encode(value)])

/** `Summary.Value`: its tag and its simple_value. */
const valueOf = ({ tag, value }: Scalar): readonly number[] => message(1, [...text(1, tag), ...key(2, FLOAT), ...fixed(4, value)])

/** `Event`: wall_time in seconds, step, summary. */
const eventOf = (time: number, step: number, scalars: readonly Scalar[]): readonly number[] => [
  ...key(1, DOUBLE),
  ...fixed(8, time),
  ...key(2, VARINT),
  ...varint(step),
  ...message(5, scalars.flatMap(valueOf)),
]

/** The masked CRC of TFRecord: rotated by 15 bits plus a constant, so that data with embedded checksums has another one. */
export const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0

/** A TFRecord: length as u64, its checksum, the data, its checksum. */
export function tfRecord(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(16 + data.length)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, BigInt(data.length), true)
  view.setUint32(8, masked(crc32c(bytes.subarray(0, 8))), true)
  bytes.set(data, 12)
  view.setUint32(12 + data.length, masked(crc32c(data)), true)
  return bytes
}

/** The first record of a file. */
export const fileHeader = (time: number): Uint8Array =>
  tfRecord(Uint8Array.from([...key(1, DOUBLE), ...fixed(8, time), ...text(3, 'brain.Event:2')]))

/** The record of the scalars of a step, as f32; empty without scalars. */
export const eventRecord = (time: number, step: number, scalars: readonly Scalar[]): Uint8Array =>
  scalars.length === 0 ? new Uint8Array(0) : tfRecord(Uint8Array.from(eventOf(time, step, scalars)))

/** The file name, in the pattern that TensorBoard searches for. */
export const eventFileName = (time: number): string => `events.out.tfevents.${String(Math.floor(time)).padStart(10, '0')}.smoe`
