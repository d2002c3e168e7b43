/** What a builtin function is given besides its operands. */
import { ONE, substitute, type Dim, type DimLike } from '../../../plan/dim.ts'
import type { DType } from '../../graph/vocabulary.ts'

/** Elements start, start + step, ... of one axis, `size` of them; an axis may be dropped where it has one. */
export interface AxisSlice {
  readonly start: Dim
  readonly size: Dim
  readonly step: number
  readonly drop: boolean
}

/** One shape for all builtins; which fields count is said by their parameters. */
export interface Options {
  /** As written: negative counts from the last. */
  readonly axis: number
  readonly keep: boolean
  readonly dtype: DType
  readonly dims: readonly Dim[]
  readonly order: readonly number[]
  readonly pattern: string
  readonly sizes: Readonly<Record<string, Dim>>
  readonly count: Dim
  readonly slices: readonly AxisSlice[]
  /** Whether the right operand of a matmul has its last two axes swapped (transposed). */
  readonly transposed: boolean
  /** The maximum number of iterations; they stop early once the error is below the tolerance. */
  readonly iterations: number
  readonly tolerance: number
}

export const DEFAULTS: Options = {
  axis: -1,
  keep: false,
  dtype: 'f32',
  dims: [],
  order: [],
  pattern: '',
  sizes: {},
  count: ONE,
  slices: [],
  transposed: false,
  iterations: 100,
  tolerance: 1e-4,
}

export const options = (given: Partial<Options>): Options => ({ ...DEFAULTS, ...given })

/** The options with dims in the place of symbols. */
export function substituteOptions(given: Options, values: Readonly<Record<string, DimLike>>): Options {
  const put = (size: Dim): Dim => substitute(size, values)
  return {
    ...given,
    dims: given.dims.map(put),
    sizes: Object.fromEntries(Object.entries(given.sizes).map(([name, size]) => [name, put(size)])),
    count: put(given.count),
    slices: given.slices.map((slice) => ({ ...slice, start: put(slice.start), size: put(slice.size) })),
  }
}
