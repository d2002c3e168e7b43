/**
 * FP8 e4m3 as DeepSeek-V3 and models after it are shipped: codes [..., rows, columns] under the name of the weight, and
 * `NAME_scale_inv` [..., rows / 128, columns / 128], both rounded up: what each square of 128 x 128 is multiplied by.
 * DeepSeek-AI, 2024, arXiv:2412.19437.
 */
import { formatOf } from '../../../plan/storage/formats.ts'
import { quoted } from '../quote.ts'
import { demandShape, gridSize, gridWeight, matrixAxes } from './grid.ts'
import { readScales, SCALE_TYPES } from './scales.ts'
import type { Scheme } from './scheme.ts'

const SCALE_BYTES = 4
const { elements } = formatOf('fp8_128')

export const fp8Squares: Scheme = {
  title: 'FP8 in squares of 128 x 128',
  codes: { suffix: '', dtype: 'F8_E4M3' },
  beside: { scales: '_scale_inv' },
  dtypes: { scales: SCALE_TYPES },
  join: async ({ codes, scales }, read) => {
    const [outer, rows, columns] = matrixAxes(codes)
    const grid = { rows, columns, high: elements, wide: elements }
    demandShape(scales, [...outer, ...gridSize(grid)], `a scale for each ${elements} x ${elements} of ${quoted(codes.name)}`)
    return gridWeight(
      {
        shape: codes.shape,
        format: 'fp8_128',
        grid,
        codes: { tensor: codes, rowBytes: columns },
        headBytes: SCALE_BYTES,
        readHeads: async (first, end) => new Uint8Array((await readScales(scales, first, end, read)).buffer),
      },
      read,
    )
  },
}
