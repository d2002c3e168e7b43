/** Random matrices for quantisers: blocks of very different sizes, zeros, and values at the ends of ranges. */
import fc from 'fast-check'
import { elementCount } from '../../runtime/tensors.ts'

export interface Sample {
  readonly shape: readonly number[]
  readonly values: Float32Array
}

/** Sizes of blocks: zeros, subnormal numbers, ordinary and large ones. */
const SCALES = [0, 1e-42, 1e-6, 0.02, 1, 3e4] as const
const BLOCK = 32

const value = fc.oneof(
  { arbitrary: fc.double({ min: -1, max: 1, noNaN: true }), weight: 6 },
  { arbitrary: fc.constantFrom(-1, 1, 0, -0, 0.5, -0.5), weight: 1 },
)

/** Matrices whose rows have a number of columns that the arbitrary draws. */
export const samples = (columns: fc.Arbitrary<number>): fc.Arbitrary<Sample> =>
  fc
    .tuple(fc.constantFrom<readonly number[]>([], [], [3], [2, 2]), fc.integer({ min: 1, max: 9 }), columns)
    .map(([outer, rows, count]) => [...outer, rows, count])
    .chain((shape) => {
      const count = elementCount(shape)
      const blocks = Math.ceil(count / BLOCK)
      return fc
        .record({
          values: fc.array(value, { minLength: count, maxLength: count, size: 'max' }),
          scales: fc.array(fc.constantFrom(...SCALES), { minLength: blocks, maxLength: blocks, size: 'max' }),
        })
        .map(({ values, scales }) => ({
          shape,
          values: Float32Array.from(values, (one, at) => one * scales[Math.floor(at / BLOCK)]),
        }))
    })
