/**
 * MXFP4 as gpt-oss is shipped: `NAME_blocks` u8 [..., rows, columns / 32, 16], two codes of e2m1 a byte, the first in the lower
 * bits, and `NAME_scales` u8 [..., rows, columns / 32], exponents of two plus 127. Open Compute Project, Microscaling Formats
 * 1.0.
 */
import { formatOf } from '../../../plan/storage/formats.ts'
import { quoted } from '../quote.ts'
import { demandShape, gridWeight, product, sizes } from './grid.ts'
import { JoinError, type Scheme } from './scheme.ts'

const SCALE_BYTES = 1
const { elements, bytes } = formatOf('mxfp4')

export const mxfp4: Scheme = {
  title: 'MXFP4',
  codes: { suffix: '_blocks', dtype: 'U8' },
  beside: { scales: '_scales' },
  dtypes: { scales: ['U8'] },
  join: async ({ codes, scales }, read) => {
    const [size, perRow] = [codes.shape.at(-1), codes.shape.at(-2)!]
    if (codes.shape.length < 3 || codes.shape.includes(0) || size !== bytes - SCALE_BYTES)
      throw new JoinError(
        `${quoted(codes.name)} has the shape ${sizes(codes.shape)}, not [..., rows, blocks, ${bytes - SCALE_BYTES}]`,
      )
    demandShape(scales, codes.shape.slice(0, -1), `a scale for each block of ${quoted(codes.name)}`)
    const columns = perRow * elements
    const shape = [...codes.shape.slice(0, -2), columns]
    return gridWeight(
      {
        shape,
        format: 'mxfp4',
        grid: { rows: product(shape.slice(0, -1)), columns, high: 1, wide: elements },
        codes: { tensor: codes, rowBytes: perRow * size },
        headBytes: SCALE_BYTES,
        readHeads: (first, end) => read(scales.name, first, end - first),
      },
      read,
    )
  },
}
