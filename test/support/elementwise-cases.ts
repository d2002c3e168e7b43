/** Every elementwise op of the vocabulary at the edges of what it takes, as a graph of one output an op and dtype. */
import { dim } from '../../plan/dim.ts'
import type { Graph, Node } from '../../compiler/graph/node.ts'
import type { DType, OpName, OpParams } from '../../compiler/graph/vocabulary.ts'
import { createBuilder, NO_ORIGIN } from '../../compiler/ops/build.ts'
import { infer } from '../../compiler/ops/infer.ts'
import { records } from '../../compiler/ops/records.ts'
import { hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'

const LARGEST = 3.4028234663852886e38
const LEAST = -0x80000000

/** Signs, zeros, infinities, NaN, the extremes of the type, whole and broken numbers. */
export const EDGES: { readonly [T in DType]: readonly number[] } = {
  f32: [
    0,
    -0,
    1,
    -1,
    0.5,
    -0.5,
    2,
    -2,
    7.5,
    -7.5,
    3,
    -3,
    20,
    -20,
    200,
    -200,
    1e10,
    -1e10,
    LARGEST,
    -LARGEST,
    2 ** -100,
    -(2 ** -100),
    Infinity,
    -Infinity,
    NaN,
  ],
  i32: [0, 1, -1, 2, -2, 3, 7, -7, 1000, 65537, -65537, 0x7fffffff, LEAST, LEAST + 1],
  bool: [0, 1],
}

export interface ElementwiseCase {
  readonly name: string
  readonly op: OpName
  /** Dtypes of the operands. */
  readonly dtypes: readonly DType[]
  readonly params: object
}

const DTYPES: readonly DType[] = ['f32', 'i32', 'bool']

function signaturesOf(op: OpName, params: object): readonly (readonly DType[])[] {
  const forms = DTYPES.flatMap((dtype) => [[dtype], [dtype, dtype], ['bool' as const, dtype, dtype]])
  return forms.filter(
    (dtypes) =>
      !(
        'error' in
        infer(
          op,
          dtypes.map((dtype) => ({ shape: [], dtype })),
          params as never,
        )
      ),
  )
}

/** `half` is rounded to f16 where it is stored, and `hold` needs weights: both have tests of their own. */
const APART: readonly string[] = ['cast_f16', 'compute_at_load']

export const CASES: readonly ElementwiseCase[] = (Object.keys(records) as OpName[])
  .filter((op) => records[op].kind === 'elementwise' && !APART.includes(op))
  .flatMap((op) =>
    (op === 'cast' ? DTYPES.map((dtype) => ({ dtype })) : [{}]).flatMap((params) =>
      signaturesOf(op, params).map((dtypes) => ({
        name: [op, ...dtypes, ...Object.values(params).map((dtype) => `to ${dtype}`)].join(' '),
        op,
        dtypes,
        params,
      })),
    ),
  )

/** Every choice of one value from each list, by operand. */
export function combined(lists: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const rows = lists.reduce<readonly (readonly number[])[]>(
    (before, list) => before.flatMap((row) => list.map((value) => [...row, value])),
    [[]],
  )
  return lists.map((_, at) => rows.map((row) => row[at]))
}

export interface Made {
  readonly graph: Graph
  readonly inputs: Readonly<Record<string, HostTensor>>
}

/** The op of these operands, which are inputs or constants. */
export function graphOf(
  { op, dtypes, params }: ElementwiseCase,
  operands: readonly (readonly number[])[],
  leaves: 'inputs' | 'constants',
): Made {
  const { make } = createBuilder()
  const size = operands[0].length
  const leaf = (values: readonly number[], at: number): Node =>
    leaves === 'inputs'
      ? make('input', [], { name: 'abc'[at], dtype: dtypes[at], shape: [dim(size)] }, NO_ORIGIN)
      : make('constant', [], { dtype: dtypes[at], shape: [size], values }, NO_ORIGIN)
  const nodes = operands.map(leaf)
  const node = make(op, nodes, params as OpParams[typeof op], NO_ORIGIN) as Node
  return {
    graph: {
      name: op,
      doc: '',
      dims: [],
      docs: {},
      inputs: (leaves === 'inputs' ? nodes : []) as unknown as Graph['inputs'],
      outputs: [{ name: 'y', node, doc: '' }],
    },
    inputs:
      leaves === 'constants'
        ? {}
        : Object.fromEntries(
            operands.map((values, at) => ['abc'[at], hostTensor([size], dtypes[at], Float64Array.from(values))]),
          ),
  }
}
