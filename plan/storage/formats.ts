/** The formats that weights lie in, by name, and the bytes that they take. */
import { bf16 } from './bf16.ts'
import type { StorageFormat } from './decoder.ts'
import { f16 } from './f16.ts'
import { fp8_128 } from './fp8_128.ts'
import { GROUPS } from './groups.ts'
import { iq4_nl, iq4_xs } from './iq4.ts'
import { mxfp4, mxfp4_gguf } from './mxfp4.ts'
import { q2_k } from './q2_k.ts'
import { q3_k } from './q3_k.ts'
import { q4_0 } from './q4_0.ts'
import { q4_1 } from './q4_1.ts'
import { q4_k } from './q4_k.ts'
import { q5_0, q5_1 } from './q5_0.ts'
import { q5_k } from './q5_k.ts'
import { q6_k } from './q6_k.ts'
import { q8_0 } from './q8_0.ts'

const FORMATS = {
  bf16,
  f16,
  fp8_128,
  mxfp4,
  mxfp4_gguf,
  q8_0,
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q2_k,
  q3_k,
  q4_k,
  q5_k,
  q6_k,
  iq4_nl,
  iq4_xs,
  ...GROUPS,
} as const satisfies Readonly<Record<string, StorageFormat>>

/** A format other than f32. */
export type FormatName = keyof typeof FORMATS

export const FORMAT_NAMES = Object.keys(FORMATS) as readonly FormatName[]

export const isFormat = (name: string): name is FormatName => Object.hasOwn(FORMATS, name)

export const formatOf = (name: FormatName): StorageFormat => FORMATS[name]

/** How the elements of a weight are stored. */
export interface WeightStorage {
  readonly format: FormatName
  /** Elements of a row, where rows do not end with a block; each begins with one, and what is behind its end has no meaning. */
  readonly row?: number
}

/** The storage of a weight in a format, whose rows have so many elements. */
export const storageIn = (format: FormatName, row: number): WeightStorage =>
  row % formatOf(format).elements === 0 ? { format } : { format, row }

/** Bytes of whole rows, or of whole blocks. */
export function storedBytes({ format, row }: WeightStorage, elements: number): number {
  const block = formatOf(format)
  if (row === undefined) return (elements / block.elements) * block.bytes
  return (elements / row) * Math.ceil(row / block.elements) * block.bytes
}

/** `bf16`, or `q8_0 row 100`: as kernels and graphs print it. */
export const storageText = ({ format, row }: WeightStorage): string => (row === undefined ? format : `${format} row ${row}`)
