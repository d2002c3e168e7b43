/**
 * The tensor types of GGUF by their number in the file: the element type, or the elements and bytes of a block. Rows are whole
 * blocks. The format is that of the ggml project's `docs/gguf.md`; sizes are those of its reference reader, gguf 0.19.
 */
import { isFormat } from '../../../plan/storage/formats.ts'
import type { ElementType } from '../dtypes.ts'

export interface TensorType {
  readonly name: string
  /** Elements that one block encodes; they lie side by side on the innermost axis. */
  readonly elements: number
  readonly bytes: number
  /** The element type or the format of weights with the same bytes; null for an encoding that is not read. */
  readonly dtype: ElementType | null
}

const plain = (name: ElementType, bytes: number): TensorType => ({ name, elements: 1, bytes, dtype: name })
/** `format` is the one of weights that has the same blocks. */
const blocks = (name: string, elements: number, bytes: number, format = name.toLowerCase()): TensorType => ({
  name,
  elements,
  bytes,
  dtype: isFormat(format) ? format : null,
})

/** Numbers that are absent were given up by the format. */
export const TENSOR_TYPES: ReadonlyMap<number, TensorType> = new Map([
  [0, plain('F32', 4)],
  [1, plain('F16', 2)],
  [2, blocks('Q4_0', 32, 18)],
  [3, blocks('Q4_1', 32, 20)],
  [6, blocks('Q5_0', 32, 22)],
  [7, blocks('Q5_1', 32, 24)],
  [8, blocks('Q8_0', 32, 34)],
  [9, blocks('Q8_1', 32, 40)],
  [10, blocks('Q2_K', 256, 84)],
  [11, blocks('Q3_K', 256, 110)],
  [12, blocks('Q4_K', 256, 144)],
  [13, blocks('Q5_K', 256, 176)],
  [14, blocks('Q6_K', 256, 210)],
  [15, blocks('Q8_K', 256, 292)],
  [16, blocks('IQ2_XXS', 256, 66)],
  [17, blocks('IQ2_XS', 256, 74)],
  [18, blocks('IQ3_XXS', 256, 98)],
  [19, blocks('IQ1_S', 256, 50)],
  [20, blocks('IQ4_NL', 32, 18)],
  [21, blocks('IQ3_S', 256, 110)],
  [22, blocks('IQ2_S', 256, 82)],
  [23, blocks('IQ4_XS', 256, 136)],
  [24, plain('I8', 1)],
  [25, plain('I16', 2)],
  [26, plain('I32', 4)],
  [27, plain('I64', 8)],
  [28, plain('F64', 8)],
  [29, blocks('IQ1_M', 256, 56)],
  [30, plain('BF16', 2)],
  [34, blocks('TQ1_0', 256, 54)],
  [35, blocks('TQ2_0', 256, 66)],
  // safetensors files have two neighbours a byte
  [39, blocks('MXFP4', 32, 17, 'mxfp4_gguf')],
  [40, blocks('NVFP4', 64, 36)],
  [41, blocks('Q1_0', 128, 18)],
])
