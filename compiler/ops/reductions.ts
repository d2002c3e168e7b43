/** Reductions over one axis. */
import { EXACT, inherited, type Accuracy, type OpRecord, type Records } from './record.ts'
import { wantAxis, wantCount, wantType } from './shapes.ts'
import { elements, hostTensor, type HostTensor } from './tensor.ts'
import type { DType } from '../graph/vocabulary.ts'

const LOWEST: Record<DType, number> = { f32: -3.4028234663852886e38, i32: -2147483648, bool: 0 }
const HIGHEST: Record<DType, number> = { f32: 3.4028234663852886e38, i32: 2147483647, bool: 1 }

interface Fold {
  readonly doc: string
  readonly formula: string
  readonly accuracy: Accuracy
  /** The result over no elements. */
  readonly empty: (dtype: DType) => number
  readonly join: (sofar: number, next: number) => number
}

function reduce(x: HostTensor, axis: number, { empty, join }: Fold): HostTensor {
  const [outer, size, inner] = [elements(x.shape.slice(0, axis)), x.shape[axis], elements(x.shape.slice(axis + 1))]
  const values = new Float64Array(outer * inner)
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const start = o * size * inner + i
      let value = size === 0 ? empty(x.dtype) : x.values[start]
      for (let n = 1; n < size; n++) value = join(value, x.values[start + n * inner])
      values[o * inner + i] = x.dtype === 'i32' ? value | 0 : value
    }
  }
  return hostTensor(x.shape.toSpliced(axis, 1), x.dtype, values)
}

const reduction = (fold: Fold): OpRecord<'sum' | 'max' | 'min'> => ({
  kind: 'reduction',
  since: 'source',
  commutative: false,
  scalar: null,
  doc: fold.doc,
  formula: fold.formula,
  accuracy: fold.accuracy,
  infer: (inputs, { axis }) =>
    wantCount(inputs, 1) ??
    wantType(inputs[0], 'operand', 'f32', 'i32') ??
    wantAxis(inputs[0], axis) ?? { shape: inputs[0].shape.toSpliced(axis, 1), dtype: inputs[0].dtype },
  evaluate: ([x], { axis }) => reduce(x, axis, fold),
})

export const reductions: Records<'sum' | 'max' | 'min'> = {
  sum: reduction({
    doc: 'Over no elements 0; i32 wraps.',
    formula: 'y = x[0] + x[1] + ...',
    accuracy: inherited('a chain of additions'),
    empty: () => 0,
    join: (a, b) => a + b,
  }),
  max: reduction({
    doc: 'NaN where an element is; over no elements the lowest finite value.',
    formula: 'y = max(x[0], x[1], ...)',
    accuracy: EXACT,
    empty: (dtype) => LOWEST[dtype],
    join: Math.max,
  }),
  min: reduction({
    doc: 'NaN where an element is; over no elements the highest finite value.',
    formula: 'y = min(x[0], x[1], ...)',
    accuracy: EXACT,
    empty: (dtype) => HIGHEST[dtype],
    join: Math.min,
  }),
}
