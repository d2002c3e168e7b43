/** A reader of whole safetensors files, for tests: short and apart from the product's own, so that one checks the other. */
import { readFileSync } from 'node:fs'
import type { HostTensor } from '../../compiler/reference/tensor.ts'

interface Entry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly [number, number]
}

/** The upper half of an f32. */
const bf16 = (bits: number): number => new Float32Array(Uint32Array.of(bits << 16).buffer)[0]

const readers: Readonly<Record<string, { readonly bytes: number; readonly at: (view: DataView, offset: number) => number }>> = {
  F32: { bytes: 4, at: (view, offset) => view.getFloat32(offset, true) },
  BF16: { bytes: 2, at: (view, offset) => bf16(view.getUint16(offset, true)) },
  F64: { bytes: 8, at: (view, offset) => view.getFloat64(offset, true) },
  U8: { bytes: 1, at: (view, offset) => view.getUint8(offset) },
  I32: { bytes: 4, at: (view, offset) => view.getInt32(offset, true) },
  I64: { bytes: 8, at: (view, offset) => Number(view.getBigInt64(offset, true)) },
}

/** Reals are called f32 and whole numbers i32, as the language has them, whatever the file holds. */
export function readSafetensors(path: string): Readonly<Record<string, HostTensor>> {
  const bytes = readFileSync(path)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const start = 8 + Number(view.getBigUint64(0, true))
  const { __metadata__: _, ...header } = JSON.parse(bytes.toString('utf8', 8, start)) as Record<string, Entry>
  const tensor = ({ dtype, shape, data_offsets: [first, last] }: Entry): HostTensor => {
    const { bytes: width, at } = readers[dtype]
    const values = Float64Array.from({ length: (last - first) / width }, (_, i) => at(view, start + first + i * width))
    return { shape, dtype: /^B?F/.test(dtype) ? 'f32' : 'i32', values }
  }
  return Object.fromEntries(Object.entries(header).map(([name, entry]) => [name, tensor(entry)]))
}
