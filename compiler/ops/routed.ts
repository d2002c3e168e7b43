/** Ops on rows grouped by expert: grouped matmul, sorting and counting. */
import { ceilDivide, dim, evaluate, multiply, type Dim } from '../../plan/dim.ts'
import { encodeSortedRows, sortedRowsLength } from '../graph/sorted-rows.ts'
import { dot } from './contract.ts'
import { checkedIndex } from './indexed.ts'
import { EXACT, inherited, type Records, type ShapeError, type TensorType } from './record.ts'
import { fail, firstOf, wantCount, wantRank, wantSame, wantSizes, wantType } from './shapes.ts'
import { elements, hostTensor, type HostTensor } from './tensor.ts'

function inferGroupedMatmul(inputs: readonly TensorType[]): TensorType | ShapeError {
  const count = wantCount(inputs, 3, 4)
  if (count) return count
  const [x, bank, expert, order] = inputs
  const complaint =
    firstOf(wantType(x, 'x', 'f32'), wantType(bank, 'bank', 'f32'), wantType(expert, 'expert', 'i32')) ??
    firstOf(wantRank(x, 'x', 2), wantRank(bank, 'bank', 3), wantRank(expert, 'expert', 1)) ??
    (order === undefined ? null : firstOf(wantType(order, 'order', 'i32'), wantRank(order, 'order', 1))) ??
    firstOf(
      wantSame(x.shape[0], expert.shape[0], 'axis 0 of x and axis 0 of expert'),
      wantSame(x.shape[1], bank.shape[2], 'axis 1 of x and axis 2 of the bank'),
    )
  return complaint ?? { shape: [x.shape[0], bank.shape[1]], dtype: 'f32' }
}

/** The expert of a row; -1 is none. Throws an EvaluationError for any other number outside. */
const expertOf = (id: number, experts: number): number | null => (id === -1 ? null : checkedIndex(id, experts, 'the expert'))

function groupedMatmul(x: HostTensor, bank: HostTensor, expert: HostTensor): HostTensor {
  const [rows, depth] = x.shape
  const [experts, columns] = bank.shape
  const values = new Float64Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    const chosen = expertOf(expert.values[row], experts)
    if (chosen === null) continue
    const start = chosen * columns
    for (let column = 0; column < columns; column++) {
      values[row * columns + column] = dot(x.values, row * depth, bank.values, (start + column) * depth, depth)
    }
  }
  return hostTensor([rows, columns], 'f32', values)
}

function inferGroupedWeightGradient(inputs: readonly TensorType[], experts: number): TensorType | ShapeError {
  const count = wantCount(inputs, 3, 4)
  if (count) return count
  const [x, y, expert, order] = inputs
  const complaint =
    firstOf(
      wantPositive(experts, 'experts'),
      wantType(x, 'x', 'f32'),
      wantType(y, 'y', 'f32'),
      wantType(expert, 'expert', 'i32'),
    ) ??
    firstOf(wantRank(x, 'x', 2), wantRank(y, 'y', 2), wantRank(expert, 'expert', 1)) ??
    (order === undefined ? null : firstOf(wantType(order, 'order', 'i32'), wantRank(order, 'order', 1))) ??
    firstOf(
      wantSame(x.shape[0], expert.shape[0], 'axis 0 of x and axis 0 of expert'),
      wantSame(y.shape[0], expert.shape[0], 'axis 0 of y and axis 0 of expert'),
    )
  return complaint ?? { shape: [dim(experts), y.shape[1], x.shape[1]], dtype: 'f32' }
}

function groupedWeightGradient(x: HostTensor, y: HostTensor, expert: HostTensor, experts: number): HostTensor {
  const [depth, columns] = [x.shape[1], y.shape[1]]
  const values = new Float64Array(experts * columns * depth)
  expert.values.forEach((id, row) => {
    const chosen = expertOf(id, experts)
    if (chosen === null) return
    for (let f = 0; f < columns; f++) {
      const [scale, start] = [y.values[row * columns + f], (chosen * columns + f) * depth]
      for (let d = 0; d < depth; d++) values[start + d] += scale * x.values[row * depth + d]
    }
  })
  return hostTensor([experts, columns, depth], 'f32', values)
}

function inferSegmentSum(inputs: readonly TensorType[], size: Dim): TensorType | ShapeError {
  const count = wantCount(inputs, 2, 3)
  if (count) return count
  const [values, ids, order] = inputs
  const complaint =
    firstOf(
      wantType(values, 'operand', 'f32'),
      wantType(ids, 'operand of ids', 'i32'),
      wantRank(ids, 'operand of ids', 1),
      wantSizes([size]),
    ) ?? (order === undefined ? null : firstOf(wantType(order, 'order', 'i32'), wantRank(order, 'order', 1)))
  if (complaint) return complaint
  if (values.shape.length === 0) return fail('the values have no axis')
  return (
    wantSame(values.shape[0], ids.shape[0], 'axis 0 of the values and axis 0 of the ids') ?? {
      shape: [size, ...values.shape.slice(1)],
      dtype: 'f32',
    }
  )
}

function segmentSum(x: HostTensor, ids: HostTensor, size: number): HostTensor {
  const rest = x.shape.slice(1)
  const width = elements(rest)
  const values = new Float64Array(size * width)
  const begun = new Set<number>()
  ids.values.forEach((id, row) => {
    if (id === -1) return
    const start = checkedIndex(id, size, 'the row') * width
    // a sum of one term is the term, -0 included
    for (let i = 0; i < width; i++)
      values[start + i] = begun.has(id) ? values[start + i] + x.values[row * width + i] : x.values[row * width + i]
    begun.add(id)
  })
  return hostTensor([size, ...rest], 'f32', values)
}

const wantPositive = (value: number, word: string): ShapeError | null =>
  Number.isInteger(value) && value >= 1 ? null : fail(`${word} is 1 or more, not ${value}`)

/** The shape of `expert_histogram`: [blocks, experts]. */
const countsShape = (tokens: Dim, experts: number, block: number): readonly Dim[] => [ceilDivide(tokens, block), dim(experts)]

function expertHistogram(expert: HostTensor, experts: number, block: number): HostTensor {
  const [tokens, k] = expert.shape
  const blocks = Math.ceil(tokens / block)
  const values = new Float64Array(blocks * experts)
  expert.values.forEach((id, i) => {
    const chosen = expertOf(id, experts)
    if (chosen !== null) values[Math.floor(i / (block * k)) * experts + chosen]++
  })
  return hostTensor([blocks, experts], 'i32', values)
}

/** The rows of each expert, ascending. */
function rowsByExpert(expert: HostTensor, experts: number): readonly (readonly number[])[] {
  const lists = Array.from({ length: experts }, (): number[] => [])
  expert.values.forEach((id, row) => {
    const chosen = expertOf(id, experts)
    if (chosen !== null) lists[chosen].push(row)
  })
  return lists
}

function sortByExpert(expert: HostTensor, experts: number, tile: number): HostTensor {
  const values = Float64Array.from(encodeSortedRows(rowsByExpert(expert, experts), expert.values.length, tile))
  return hostTensor([values.length], 'i32', values)
}

function positionInExpert(expert: HostTensor, experts: number): HostTensor {
  const seen = new Array<number>(experts).fill(0)
  const values = Float64Array.from(expert.values, (id) => {
    const chosen = expertOf(id, experts)
    return chosen === null ? -1 : seen[chosen]++
  })
  return hostTensor(expert.shape, 'i32', values)
}

export const routed: Records<
  'grouped_matmul' | 'grouped_weight_gradient' | 'segment_sum' | 'position_in_expert' | 'expert_histogram' | 'sort_by_expert'
> = {
  grouped_matmul: {
    doc: 'Grouped GEMM: each row times the matrix of its own expert; 0 where the expert is -1, which a device leaves unwritten: a select must stand before any use. A fourth operand, sort_by_expert of the same rows, only guides the schedule.',
    formula: 'y[n, f] = sum over d of x[n, d] * bank[expert[n], f, d]',
    kind: 'routed',
    since: 'source',
    commutative: false,
    scalar: null,
    accuracy: inherited('a chain of multiplications and additions'),
    infer: inferGroupedMatmul,
    evaluate: ([x, bank, expert]) => groupedMatmul(x, bank, expert),
  },
  grouped_weight_gradient: {
    doc: 'Weight gradient of grouped_matmul: for each expert, the sum of the outer products of its rows. Rows of the expert -1 are left out. A fourth operand, sort_by_expert of the same rows, only guides the schedule.',
    formula: 'y[e, f, d] = sum over n with expert[n] = e of rows[n, f] * x[n, d]',
    kind: 'routed',
    since: 'source',
    commutative: false,
    scalar: null,
    accuracy: inherited('a chain of multiplications and additions'),
    infer: (inputs, { experts }) => inferGroupedWeightGradient(inputs, experts),
    evaluate: ([x, y, expert], { experts }) => groupedWeightGradient(x, y, expert, experts),
  },
  segment_sum: {
    doc: 'The sum of the rows of each id, in the order of the rows: the gradient of the table of take. Rows of the id -1 are left out. A third operand, which begins with the row numbers sorted stably by id, followed by -1, only guides the schedule.',
    formula: 'y[i, j...] = sum over n with ids[n] = i of values[n, j...]',
    kind: 'routed',
    since: 'source',
    commutative: false,
    scalar: null,
    accuracy: inherited('a chain of additions'),
    infer: (inputs, { size }) => inferSegmentSum(inputs, size),
    evaluate: ([values, ids], { size }, { dims }) => segmentSum(values, ids, evaluate(size, dims)),
  },
  position_in_expert: {
    doc: 'The position of each row among the rows of its expert, in their order; -1 for a row without an expert. A second operand, expert_histogram of the rows as [N, 1], only guides the schedule.',
    formula: 'y[n] = number of m < n with expert[m] = expert[n]',
    kind: 'custom',
    since: 'source',
    commutative: false,
    scalar: null,
    accuracy: EXACT,
    infer(inputs, { experts }) {
      const complaint =
        wantCount(inputs, 1, 2) ??
        firstOf(wantPositive(experts, 'experts'), wantType(inputs[0], 'expert', 'i32'), wantRank(inputs[0], 'expert', 1))
      return complaint ?? inputs[0]
    },
    evaluate: ([expert], { experts }) => positionInExpert(expert, experts),
  },
  expert_histogram: {
    doc: 'How often each expert occurs in each block of rows; the last block may be shorter, and -1 is not counted.',
    formula: 'y[i, e] = number of (t, j) with floor(t / block) = i and expert[t, j] = e',
    kind: 'custom',
    since: 'optimised',
    commutative: false,
    scalar: null,
    accuracy: EXACT,
    infer(inputs, { experts, block }) {
      const complaint =
        wantCount(inputs, 1) ??
        firstOf(wantPositive(experts, 'experts'), wantPositive(block, 'block')) ??
        firstOf(wantType(inputs[0], 'expert', 'i32'), wantRank(inputs[0], 'expert', 2))
      return complaint ?? { shape: countsShape(inputs[0].shape[0], experts, block), dtype: 'i32' }
    },
    evaluate: ([expert], { experts, block }) => expertHistogram(expert, experts, block),
  },
  sort_by_expert: {
    doc:
      'The N = T * K row numbers sorted stably by expert, then (expert, first place in the sorted rows) of each tile, ascending. ' +
      'A tile ends where the next begins. Unused tiles come last, there is at least one, and they hold (-1, number of sorted rows). ' +
      'Rows of the expert -1 are in no tile; the row numbers are padded with -1.',
    formula: 'y = [rows by expert] + [(expert, first) of each of ceil(N / tile) + experts tiles]',
    kind: 'custom',
    since: 'optimised',
    commutative: false,
    scalar: null,
    accuracy: EXACT,
    infer(inputs, { experts, block, tile }) {
      const complaint =
        wantCount(inputs, 2) ??
        firstOf(wantPositive(experts, 'experts'), wantPositive(block, 'block'), wantPositive(tile, 'tile')) ??
        firstOf(wantType(inputs[0], 'expert', 'i32'), wantRank(inputs[0], 'expert', 2)) ??
        firstOf(wantType(inputs[1], 'counts', 'i32'), wantRank(inputs[1], 'counts', 2))
      if (complaint) return complaint
      const [tokens, k] = inputs[0].shape
      const counts = countsShape(tokens, experts, block)
      const differ = counts.map((size, axis) => wantSame(inputs[1].shape[axis], size, `axis ${axis} of counts and its size`))
      const rows = multiply(tokens, k)
      return firstOf(...differ) ?? { shape: [sortedRowsLength(rows, experts, tile)], dtype: 'i32' }
    },
    evaluate: ([expert], { experts, tile }) => sortByExpert(expert, experts, tile),
  },
}
