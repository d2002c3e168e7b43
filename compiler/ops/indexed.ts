/** Gather ops, and top_k. */
import { constantValue, dim } from '../../plan/dim.ts'
import { EXACT, type Records, type ShapeError, type TensorType } from './record.ts'
import { fail, firstOf, sameShape, shapeText, wantCount, wantType } from './shapes.ts'
import { EvaluationError, elements, hostTensor, type HostTensor } from './tensor.ts'

const exact = { since: 'source', commutative: false, accuracy: EXACT, scalar: null } as const

/** An index as it is, where it lies in 0 .. size - 1. */
export function checkedIndex(index: number, size: number, what: string): number {
  if (index >= 0 && index < size) return index
  throw new EvaluationError(`${what} ${index} is outside 0..${size - 1}`)
}

function take(table: HostTensor, ids: HostTensor): HostTensor {
  const [rows, ...rest] = table.shape
  const width = elements(rest)
  const values = new Float64Array(ids.values.length * width)
  ids.values.forEach((id, i) => {
    const from = checkedIndex(id, rows, 'the row') * width
    values.set(table.values.subarray(from, from + width), i * width)
  })
  return hostTensor([...ids.shape, ...rest], table.dtype, values)
}

function pick(x: HostTensor, ids: HostTensor): HostTensor {
  const [width, count] = [x.shape.at(-1)!, ids.shape.at(-1)!]
  const values = ids.values.map((id, i) => x.values[Math.floor(i / count) * width + checkedIndex(id, width, 'the place')])
  return hostTensor(ids.shape, x.dtype, values)
}

/** Descending, NaN after every number; equal ones by index. */
function isBefore(a: number, i: number, b: number, j: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b)) || i - j
  return a === b ? i - j : a > b ? -1 : 1
}

function topK(x: HostTensor, k: number): HostTensor {
  const width = x.shape.at(-1)!
  if (k > width) throw new EvaluationError(`there are no ${k} largest of ${width}`)
  const rows = elements(x.shape.slice(0, -1))
  const values = new Float64Array(rows * k)
  for (let row = 0; row < rows; row++) {
    const scores = x.values.subarray(row * width, (row + 1) * width)
    const order = Array.from(scores, (_, i) => i).sort((i, j) => isBefore(scores[i], i, scores[j], j))
    values.set(order.slice(0, k), row * k)
  }
  return hostTensor([...x.shape.slice(0, -1), k], 'i32', values)
}

/** Two operands: what is read, of one axis at the least, and ids. */
const wantReadByIds = (inputs: readonly TensorType[], read: string): ShapeError | null =>
  wantCount(inputs, 2) ??
  wantType(inputs[1], 'operand of ids', 'i32') ??
  (inputs[0].shape.length === 0 ? fail(`${read} has no axis`) : null)

export const indexed: Records<'take' | 'pick' | 'top_k'> = {
  take: {
    ...exact,
    kind: 'indexed',
    doc: 'Whole rows of a table. Ids lie in 0 .. N-1; the reference refuses others, a device may read any row.',
    formula: 'y[i..., j...] = table[ids[i...], j...]',
    infer(inputs) {
      const complaint = wantReadByIds(inputs, 'the table')
      if (complaint) return complaint
      const [table, ids] = inputs
      return { shape: [...ids.shape, ...table.shape.slice(1)], dtype: table.dtype }
    },
    evaluate: ([table, ids]) => take(table, ids),
  },
  pick: {
    ...exact,
    kind: 'indexed',
    doc: 'Elements along the last axis. Ids lie in 0 .. N-1; the reference refuses others, a device may read any place.',
    formula: 'y[..., j] = x[..., ids[..., j]]',
    infer(inputs) {
      const complaint = wantReadByIds(inputs, 'x')
      if (complaint) return complaint
      const [x, ids] = inputs
      if (x.shape.length !== ids.shape.length || !sameShape(x.shape.slice(0, -1), ids.shape.slice(0, -1))) {
        return fail(`x ${shapeText(x.shape)} and ids ${shapeText(ids.shape)} agree in all axes but the last`)
      }
      return { shape: ids.shape, dtype: x.dtype }
    },
    evaluate: ([x, ids]) => pick(x, ids),
  },
  top_k: {
    ...exact,
    kind: 'indexed',
    doc: 'Indices of the k largest along the last axis, best first. Ties go to the lower index; -0 and 0 tie; NaN comes last.',
    formula: 'y[..., j] = index of the j-th largest of x[..., :]',
    infer(inputs, { k }) {
      const complaint = wantCount(inputs, 1) ?? firstOf(wantType(inputs[0], 'operand', 'f32', 'i32'))
      if (complaint) return complaint
      const [{ shape }] = inputs
      const width = shape.at(-1)
      if (width === undefined) return fail('the operand has no axis')
      const isCount = Number.isInteger(k) && k >= 1 && k <= (constantValue(width) ?? k)
      if (!isCount) return fail(`there are no ${k} largest along axis ${shape.length - 1}, ${width.key}`)
      return { shape: [...shape.slice(0, -1), dim(k)], dtype: 'i32' }
    },
    evaluate: ([x], { k }) => topK(x, k),
  },
}
