/**
 * FP8 e4m3 in squares of 128 x 128, as DeepSeek-V3 is shipped: codes under the name of the weight, and `NAME_scale_inv` f32
 * [..., rows / 128, columns / 128], both rounded up. DeepSeek-AI, 2024, arXiv:2412.19437.
 */
import { formatOf } from '../../../plan/storage/formats.ts'
import { elementCount } from '../../../runtime/tensors.ts'
import { createErrorMeter } from './error.ts'
import { matricesOf, type Encoder } from './encoder.ts'
import { roundEven, scaleAtLeast } from './rounding.ts'

const { elements: SIDE } = formatOf('fp8_128')

/** The largest number of e4m3. */
const LARGEST = 448
const [BIAS, LEAST, FRACTION] = [7, -6, 8]

/** What the codes without a sign mean, in order; the last is no number. */
const SIZES = Float64Array.from({ length: 127 }, (_, code) => {
  const [field, fraction] = [code >> 3, code & 7]
  return field === 0 ? (fraction / FRACTION) * 2 ** LEAST : (1 + fraction / FRACTION) * 2 ** (field - BIAS)
})

/** What fractions of an exponent are multiplied by to be whole, from the least exponent on. */
const STEPS = Float64Array.from({ length: 16 }, (_, at) => FRACTION / 2 ** (at + LEAST))

const word = new DataView(new ArrayBuffer(8))

/** The code of the number of e4m3 nearest to another, ties to the even code; that of 448 for larger ones. */
export function floatCode(value: number): number {
  const size = Math.min(LARGEST, Math.abs(value))
  word.setFloat64(0, size)
  const above = Math.max(0, (word.getUint16(0) >> 4) - 1023 - LEAST)
  // subnormal numbers have the field 0, and a fraction of 16 carries into the exponent
  return above * FRACTION + roundEven(size * STEPS[above]) + (value < 0 ? 0x80 : 0)
}

/** What a code means. */
export const floatOf = (code: number): number => (code & 0x80 ? -SIZES[code & 0x7f] : SIZES[code])

const gridOf = (rows: number, columns: number): readonly [number, number] => [Math.ceil(rows / SIDE), Math.ceil(columns / SIDE)]

/** Calls back with the elements `from` .. `end` - 1 of each row that are in a square of the grids of all matrices. */
function forEachStretch(shape: readonly number[], visit: (square: number, from: number, end: number) => void): void {
  const { outer, rows, columns } = matricesOf(shape)
  const [high, wide] = gridOf(rows, columns)
  for (let row = 0; row < outer * rows; row++) {
    const line = Math.floor(row / rows) * high + Math.floor((row % rows) / SIDE)
    for (let at = 0; at < wide; at++)
      visit(line * wide + at, row * columns + at * SIDE, row * columns + Math.min(columns, (at + 1) * SIDE))
  }
}

/** The scales of the squares of a stack of matrices, row-major: the largest number becomes 448; 1 for a square of zeros. */
function squareScales(shape: readonly number[], values: Float32Array): Float32Array {
  const { outer, rows, columns } = matricesOf(shape)
  const [high, wide] = gridOf(rows, columns)
  const largest = new Float64Array(outer * high * wide)
  forEachStretch(shape, (square, from, end) => {
    for (let at = from; at < end; at++) largest[square] = Math.max(largest[square], Math.abs(values[at]))
  })
  return Float32Array.from(largest, (size) => (size === 0 ? 1 : scaleAtLeast(size / LARGEST, 'F32')))
}

export const fp8Encoder: Encoder = {
  files(name, shape) {
    const { rows, columns } = matricesOf(shape)
    const grid = [...shape.slice(0, -2), ...gridOf(rows, columns)]
    return [
      { info: { name, dtype: 'F8_E4M3', shape, bytes: elementCount(shape) } },
      { info: { name: `${name}_scale_inv`, dtype: 'F32', shape: grid, bytes: 4 * elementCount(grid) } },
    ]
  },
  encode({ shape, values }) {
    const scales = squareScales(shape, values)
    const codes = new Uint8Array(values.length)
    const meter = createErrorMeter()
    forEachStretch(shape, (square, from, end) => {
      const scale = scales[square]
      for (let at = from; at < end; at++) {
        codes[at] = floatCode(values[at] / scale)
        meter.add(values[at], Math.fround(floatOf(codes[at]) * scale))
      }
    })
    return { bytes: [codes, new Uint8Array(scales.buffer)], error: meter.sums() }
  },
}
