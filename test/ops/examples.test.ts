import { describe, expect, it } from 'vitest'
import { dim, symbol, type DimLike } from '../../plan/dim.ts'
import { OP_NAMES } from '../../compiler/graph/params.ts'
import type { DType, OpName, OpParams } from '../../compiler/graph/vocabulary.ts'
import type { BinaryOpcode, UnaryOpcode } from '../../compiler/scalar/operations.ts'
import { infer } from '../../compiler/ops/infer.ts'
import { records } from '../../compiler/ops/records.ts'
import type { OpRecord, Surroundings } from '../../compiler/ops/record.ts'
import { UNSEEN } from '../../compiler/ops/attention.ts'
import { LOG_ZERO } from '../../compiler/ops/sinkhorn.ts'
import { hostTensor, type HostTensor } from '../../compiler/ops/tensor.ts'

const tensor = (dtype: DType, shape: readonly number[], values: readonly number[]): HostTensor =>
  hostTensor(shape, dtype, Float64Array.from(values))
const f = (...values: number[]): HostTensor => tensor('f32', [values.length], values)
const i = (...values: number[]): HostTensor => tensor('i32', [values.length], values)
const b = (...values: number[]): HostTensor => tensor('bool', [values.length], values)
const f2 = (rows: readonly (readonly number[])[]): HostTensor => tensor('f32', [rows.length, rows[0].length], rows.flat())
const i2 = (rows: readonly (readonly number[])[]): HostTensor => tensor('i32', [rows.length, rows[0].length], rows.flat())
const dims = (...sizes: DimLike[]) => sizes.map(dim)

const given = f(7, 8)
const around: Surroundings = { dims: { B: 2 }, input: () => given, weight: () => given }

function run<N extends OpName>(op: N, inputs: readonly HostTensor[], params: OpParams[N]): HostTensor {
  const type = infer(
    op,
    inputs.map(({ shape, dtype }) => ({ shape: shape.map(dim), dtype })),
    params,
  )
  if ('error' in type) throw new Error(type.error)
  const result = (records[op] as OpRecord<N>).evaluate(inputs, params, around)
  expect(result.dtype).toBe(type.dtype)
  expect(result.shape.length).toBe(type.shape.length)
  return result
}

type Example<N extends OpName> = readonly [inputs: readonly HostTensor[], params: OpParams[N], result: HostTensor]

const one = (x: HostTensor, y: HostTensor) => [[x], {}, y] as const
const two = (x: HostTensor, y: HostTensor, z: HostTensor) => [[x, y], {}, z] as const
const source = { stacked: false, pieces: [{ tensor: 't', slices: [], transpose: false }] }
const least = -2147483648

const CAUSAL = { scale: 0.5, cap: 0, before: Infinity, after: 0 }
/** Two queries and two keys whose scores are 0. */
const scored = [tensor('f32', [1, 2, 1, 1, 2], [0, 0, 0, 0]), tensor('f32', [1, 2, 1, 2], [1, 2, 3, 4])]
/** A query of 0, and two keys and values that differ. */
const unlike = [tensor('f32', [1, 1, 1, 1, 1], [0]), tensor('f32', [1, 2, 1, 1], [3, 1]), tensor('f32', [1, 2, 1, 1], [1, 0])]

type Opcode = UnaryOpcode | BinaryOpcode

/**
 * What an elementwise op computes stands in one function of the host; an example here is one where borders deserve to be seen.
 */
const examples: { readonly [N in Exclude<OpName, Opcode>]: readonly Example<N>[] } & {
  readonly [N in Opcode]?: readonly Example<N>[]
} = {
  input: [[[], { name: 'x', dtype: 'f32', shape: [symbol('B')] }, given]],
  weight: [[[], { name: 'w', shape: dims(2), source, doc: '' }, given]],
  variable: [[[], { role: { kind: 'gradient', of: 'w' }, shape: dims(2) }, given]],
  constant: [[[], { dtype: 'i32', shape: [2, 1], values: [3, 4] }, tensor('i32', [2, 1], [3, 4])]],
  load_time_constant: [[[], { name: 'w', dtype: 'f32', shape: dims(2) }, given]],
  iota: [
    [[], { size: symbol('B') }, i(0, 1)],
    [[], { size: dim(0) }, i()],
  ],
  negate: [one(f(1, -0, NaN), f(-1, 0, NaN)), one(i(3, least, 0), i(-3, least, 0))],
  exp: [one(f(0, 1, -Infinity), f(1, Math.E, 0))],
  log: [one(f(1, 0, -1), f(0, -Infinity, NaN))],
  log1p: [one(f(0, 1e-20, -1), f(0, 1e-20, -Infinity))],
  sqrt: [one(f(4, 0, -1), f(2, 0, NaN))],
  rsqrt: [one(f(4, 0), f(0.5, Infinity))],
  abs: [one(f(-2, -0), f(2, 0)), one(i(-2, least), i(2, least))],
  sin: [one(f(0, Math.PI / 2), f(0, 1))],
  cos: [one(f(0), f(1))],
  tanh: [one(f(0, 1000, -1000), f(0, 1, -1))],
  atan: [one(f(0, 1, -1, Infinity, -Infinity), f(0, Math.PI / 4, -Math.PI / 4, Math.PI / 2, -Math.PI / 2))],
  erf: [
    one(
      f(0, 0.5, 1, 2.5, -3, 7, NaN),
      f(0, 0.5204998778130465, 0.8427007929497149, 0.999593047982555, -0.9999779095030014, 1, NaN),
    ),
  ],
  sigmoid: [one(f(0, 1000, -1000), f(0.5, 1, 0))],
  softplus: [one(f(0, 1000, -1000), f(Math.LN2, 1000, 0))],
  floor: [one(f(1.5, -1.5), f(1, -2))],
  cast_f16: [
    one(
      f(1 / 3, -2049, 2051, 65519, -65520, 3 * 2 ** -26, 2 ** -26, NaN),
      f(0.333251953125, -2048, 2052, 65504, -Infinity, 2 ** -24, 0, NaN),
    ),
  ],
  sign: [one(f(-3, 0, 2), f(-1, 0, 1)), one(i(-3, 0), i(-1, 0))],
  not: [one(b(0, 1), b(1, 0))],
  compute_at_load: [[[f(1, 2)], { name: 'ev' }, f(1, 2)]],
  optimization_barrier: [one(f(1, NaN), f(1, NaN)), one(i(1, 2), i(1, 2))],
  stop_gradient: [one(i(1, 2), i(1, 2))],
  cast: [
    [[f(1.9, -1.9, 3e9, -3e9, NaN)], { dtype: 'i32' }, i(1, -1, 2147483647, least, 0)],
    [[f(0.5, 0, NaN)], { dtype: 'bool' }, b(1, 0, 1)],
    [[b(1, 0)], { dtype: 'f32' }, f(1, 0)],
  ],
  add: [two(f(1, 2), f(3, -2), f(4, 0)), two(i(2147483647), i(1), i(least))],
  subtract: [two(f(1), f(3), f(-2)), two(i(least), i(1), i(2147483647))],
  multiply: [two(f(2, 0), f(3, Infinity), f(6, NaN)), two(i(65537), i(65537), i(131073))],
  divide: [two(f(1, 1), f(4, 0), f(0.25, Infinity)), two(i(7, -7, 5, least), i(2, 2, 0, -1), i(3, -4, 5, least))],
  power: [two(f(2, 9), f(3, 0.5), f(8, 3))],
  minimum: [two(f(1, NaN), f(2, 1), f(1, NaN)), two(i(1), i(-2), i(-2))],
  maximum: [two(f(1), f(2), f(2)), two(i(1), i(-2), i(1))],
  remainder: [
    two(
      f(7.5, -7.5, 7.5, -7.5, 5, -5, 1, Infinity),
      f(2, 2, -2, -2, Infinity, Infinity, 0, 2),
      f(1.5, 0.5, -0.5, -1.5, 5, Infinity, NaN, NaN),
    ),
    two(i(-7, 7, 3, least), i(4, -4, 0, -1), i(1, -1, 0, 0)),
  ],
  less: [two(f(1, 2, NaN), f(2, 2, 1), b(1, 0, 0)), two(i(1), i(2), b(1))],
  less_equal: [two(f(1, 2, NaN), f(2, 2, NaN), b(1, 1, 0))],
  equal: [two(f(1, NaN, -0), f(1, NaN, 0), b(1, 0, 1)), two(b(1, 0), b(1, 1), b(1, 0))],
  and: [two(b(0, 0, 1, 1), b(0, 1, 0, 1), b(0, 0, 0, 1))],
  or: [two(b(0, 0, 1, 1), b(0, 1, 0, 1), b(0, 1, 1, 1))],
  select: [[[b(1, 0), f(1, NaN), f(NaN, 4)], {}, f(1, 4)]],
  reshape: [
    [
      [
        f2([
          [1, 2, 3],
          [4, 5, 6],
        ]),
      ],
      { shape: dims(3, 2) },
      f2([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
    ],
  ],
  transpose: [
    [
      [
        f2([
          [1, 2, 3],
          [4, 5, 6],
        ]),
      ],
      { order: [1, 0] },
      f2([
        [1, 4],
        [2, 5],
        [3, 6],
      ]),
    ],
  ],
  broadcast: [
    [
      [f(1, 2)],
      { shape: [dim(2), symbol('B')], axes: [0] },
      f2([
        [1, 1],
        [2, 2],
      ]),
    ],
    [[tensor('i32', [], [5])], { shape: dims(3), axes: [] }, i(5, 5, 5)],
  ],
  slice: [
    [
      [
        f2([
          [1, 2, 3, 4],
          [5, 6, 7, 8],
        ]),
      ],
      { starts: dims(1, 0), sizes: dims(1, 2), steps: [1, 3] },
      f2([[5, 8]]),
    ],
  ],
  concat: [
    [
      [
        f2([[1], [2]]),
        f2([
          [3, 4],
          [5, 6],
        ]),
      ],
      { axis: 1 },
      f2([
        [1, 3, 4],
        [2, 5, 6],
      ]),
    ],
    [[i(1), i(), i(2)], { axis: 0 }, i(1, 2)],
  ],
  sum: [
    [
      [
        f2([
          [1, 2],
          [3, 4],
        ]),
      ],
      { axis: 0 },
      f(4, 6),
    ],
    [[i(2147483647, 1)], { axis: 0 }, tensor('i32', [], [least])],
    [[f()], { axis: 0 }, tensor('f32', [], [0])],
  ],
  max: [
    [
      [
        f2([
          [1, 2],
          [3, NaN],
        ]),
      ],
      { axis: 1 },
      f(2, NaN),
    ],
    [[f(-Infinity, -Infinity)], { axis: 0 }, tensor('f32', [], [-Infinity])],
    [[f()], { axis: 0 }, tensor('f32', [], [-3.4028234663852886e38])],
  ],
  min: [
    [
      [
        f2([
          [1, 2],
          [3, 4],
        ]),
      ],
      { axis: 0 },
      f(1, 2),
    ],
    [[i()], { axis: 0 }, tensor('i32', [], [2147483647])],
  ],
  contract: [
    [
      [
        f2([
          [1, 2],
          [3, 4],
        ]),
        f2([
          [5, 6],
          [7, 8],
        ]),
      ],
      { batch: [], over: [[1, 0]] },
      f2([
        [19, 22],
        [43, 50],
      ]),
    ],
    [
      [
        f2([
          [1, 2],
          [3, 4],
        ]),
        f2([
          [5, 6],
          [7, 8],
        ]),
      ],
      { batch: [[0, 0]], over: [[1, 1]] },
      f(17, 53),
    ],
    [
      [f(1, 2), f(3, 4)],
      { batch: [], over: [] },
      f2([
        [3, 4],
        [6, 8],
      ]),
    ],
    [[f(), f()], { batch: [], over: [[0, 0]] }, tensor('f32', [], [0])],
  ],
  take: [
    [
      [
        f2([
          [1, 2],
          [3, 4],
        ]),
        i2([[1], [0]]),
      ],
      {},
      tensor('f32', [2, 1, 2], [3, 4, 1, 2]),
    ],
    [[i(5, 6), tensor('i32', [], [1])], {}, tensor('i32', [], [6])],
  ],
  pick: [
    [
      [
        f2([
          [1, 2, 3],
          [4, 5, 6],
        ]),
        i2([
          [2, 0],
          [1, 1],
        ]),
      ],
      {},
      f2([
        [3, 1],
        [5, 5],
      ]),
    ],
  ],
  top_k: [
    [
      [
        f2([
          [1, 3, 2],
          [5, 5, 5],
        ]),
      ],
      { k: 2 },
      i2([
        [1, 2],
        [0, 1],
      ]),
    ],
    [[f(NaN, -Infinity, NaN, 0, -0)], { k: 5 }, i(3, 4, 1, 0, 2)],
    [[i(1, 9)], { k: 1 }, i(1)],
  ],
  grouped_matmul: [
    [
      [
        f2([
          [1, 2],
          [3, 4],
          [5, 6],
        ]),
        tensor('f32', [2, 1, 2], [1, 10, 100, 1000]),
        i(1, 0, 1),
      ],
      {},
      f2([[2100], [43], [6500]]),
    ],
    [[f2([[1, 2]]), tensor('f32', [2, 1, 2], [1, 10, 100, 1000]), i(1), i(0, 1, 0, -1, 1, -1, 1)], {}, f2([[2100]])],
  ],
  position_in_expert: [[[i(2, 0, -1, 2, 2, 0)], { experts: 3 }, i(0, 0, -1, 1, 2, 1)]],
  grouped_weight_gradient: [
    [
      [
        f2([
          [1, 2],
          [3, 4],
          [5, 6],
        ]),
        f2([[10], [100], [1000]]),
        i(1, 0, 1),
      ],
      { experts: 3 },
      tensor('f32', [3, 1, 2], [300, 400, 5010, 6020, 0, 0]),
    ],
    [
      [
        f2([
          [1, 2],
          [NaN, 4],
        ]),
        f2([[3], [NaN]]),
        i(0, -1),
      ],
      { experts: 1 },
      tensor('f32', [1, 1, 2], [3, 6]),
    ],
  ],
  append: [
    [
      [tensor('f32', [2, 3, 2], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]), tensor('f32', [2, 1, 2], [-1, -2, -3, -4]), i(2, 0)],
      {},
      tensor('f32', [2, 3, 2], [1, 2, 3, 4, -1, -2, -3, -4, 9, 10, 11, 12]),
    ],
  ],
  segment_sum: [
    [
      [
        f2([
          [1, 2],
          [3, 4],
          [5, 6],
          [7, 8],
        ]),
        i(2, 0, 2, -1),
      ],
      { size: dim(3) },
      f2([
        [3, 4],
        [0, 0],
        [6, 8],
      ]),
    ],
    [[f(1, 2, 4), i(1, 1, 1)], { size: dim(2) }, f(0, 7)],
  ],
  // the words 6627e8d5 e169c58d bc57ac4c 9b00dbd8 of the zero key and counter
  random: [
    [
      [i(0, 0)],
      { shape: dims(4), stream: 0 },
      f(...[0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8].map((word) => ((word >>> 9) + 0.5) / 2 ** 23)),
    ],
  ],
  attention: [
    // causal: the first query sees one key, the second both alike
    [[...scored, tensor('f32', [1, 2, 1, 2], [1, 2, 3, 6])], CAUSAL, tensor('f32', [1, 2, 1, 1, 2], [1, 2, 2, 4])],
    // a sink takes half of what one key leaves; a key that the mask hides counts as nothing
    [
      [...scored, tensor('f32', [1, 2, 1, 1], [1, 3]), tensor('bool', [1, 1, 1, 1, 2], [0, 1]), f2([[0]])],
      { ...CAUSAL, after: Infinity },
      tensor('f32', [1, 2, 1, 1, 1], [1.5, 1.5]),
    ],
    // a query that sees no key averages all values
    [
      [...scored, tensor('f32', [1, 2, 1, 1], [1, 3]), tensor('bool', [1, 2, 1, 1, 1], [0, 1])],
      CAUSAL,
      tensor('f32', [1, 2, 1, 1, 1], [2, 2]),
    ],
  ],
  attention_lse: [
    [[...scored], CAUSAL, tensor('f32', [1, 2, 1, 1], [0, Math.LN2])],
    [[...scored, tensor('bool', [1, 2, 1, 1, 1], [0, 1])], CAUSAL, tensor('f32', [1, 2, 1, 1], [UNSEEN, Math.LN2])],
  ],
  attention_query_gradient: [
    // shares of 1/2 of scores that differ by the query times 2 / 2
    [
      [...unlike, tensor('f32', [1, 1, 1, 1, 1], [4]), tensor('f32', [1, 1, 1, 1], [Math.LN2]), tensor('f32', [1, 1, 1, 1], [2])],
      { ...CAUSAL, after: Infinity },
      tensor('f32', [1, 1, 1, 1, 1], [0.5 * (0.5 * (4 - 2) * 3 + 0.5 * (0 - 2) * 1)]),
    ],
  ],
  attention_key_gradient: [
    [
      [...unlike, tensor('f32', [1, 1, 1, 1, 1], [4]), tensor('f32', [1, 1, 1, 1], [Math.LN2]), tensor('f32', [1, 1, 1, 1], [2])],
      { ...CAUSAL, after: Infinity },
      tensor('f32', [1, 2, 1, 1], [0, 0]),
    ],
  ],
  attention_value_gradient: [
    [
      [...unlike, tensor('f32', [1, 1, 1, 1, 1], [4]), tensor('f32', [1, 1, 1, 1], [Math.LN2]), tensor('f32', [1, 1, 1, 1], [2])],
      { ...CAUSAL, after: Infinity },
      tensor('f32', [1, 2, 1, 1], [2, 2]),
    ],
  ],
  sinkhorn_gradient: [
    // one iteration: v[j] = log columns[j] - log sum over t of exp(cost[t, j])
    [
      [
        f2([
          [0, 0],
          [0, 0],
        ]),
        f(1, 1),
        f(1, 2),
        f(4, 2, 9, 9),
      ],
      { iterations: 1, tolerance: 0 },
      f(-2, -1, -2, -1, 0, 0, 4, 1, -Math.LN2, 0),
    ],
  ],
  svd: [
    [
      [
        f2([
          [0, -2],
          [3, 0],
          [0, 0],
        ]),
      ],
      {},
      f(3, 2, /* left */ 0, 1, 0, -1, 0, 0, /* right */ 1, 0, 0, 1),
    ],
    [
      [
        f2([
          [0, 3, 0],
          [-2, 0, 0],
        ]),
      ],
      {},
      f(3, 2, 1, 0, 0, -1, 0, 1, 0, 1, 0, 0),
    ],
    [[f2([[-3, 4]])], {}, f(5, 1, -0.6, 0.8)],
    [[tensor('f32', [2, 1, 2], [0, 0, -6, 0])], {}, tensor('f32', [2, 4], [0, 1, 1, 0, 6, -1, 1, 0])],
  ],
  sinkhorn: [
    [
      [
        f2([
          [0, 0],
          [0, 0],
        ]),
        f(1, 1),
        f(1, 1),
      ],
      { iterations: 100, tolerance: 1e-4 },
      f(-Math.LN2, -Math.LN2, 1, 0),
    ],
    // marginals of 0 take no part
    [
      [
        f2([
          [0, 1],
          [5, 5],
        ]),
        f(1, 0),
        f(1, 0),
      ],
      { iterations: 9, tolerance: 0 },
      f(0, LOG_ZERO, 1, 0),
    ],
    [[tensor('f32', [0, 2], []), f(), f(0, 0)], { iterations: 1, tolerance: 0 }, f(LOG_ZERO, LOG_ZERO, 1, 0)],
  ],
  expert_histogram: [
    [
      [
        i2([
          [0, 2],
          [2, 1],
          [1, 2],
        ]),
      ],
      { experts: 4, block: 2 },
      i2([
        [1, 1, 2, 0],
        [0, 1, 1, 0],
      ]),
    ],
  ],
  sort_by_expert: [
    [
      [
        i2([
          [0, 2],
          [2, 1],
          [1, 2],
        ]),
        i2([
          [1, 1, 2, 0],
          [0, 1, 1, 0],
        ]),
      ],
      { experts: 4, block: 2, tile: 2 },
      i(0, 3, 4, 1, 2, 5, /* tiles */ 0, 0, 1, 1, 2, 3, 2, 5, -1, 6, -1, 6, -1, 6),
    ],
  ],
  sinkhorn_step: [
    [[f2([[0]]), f(1), f(1)], { tolerance: 0, block: 1 }, f(0, 0, 0, 0, /* largest */ 0, LOG_ZERO, /* sums */ 1, 0)],
    [[f2([[0]]), f(1), f(1), f(0, 0, 0, 0, 0, LOG_ZERO, 1, 0)], { tolerance: 0, block: 1 }, f(0, 1, 0, 0, 0, LOG_ZERO, 1, 0)],
    [[f2([[0]]), f(1), f(1), f(0, 1, 0, 0, 0, LOG_ZERO, 1, 0)], { tolerance: 0, block: 1 }, f(0, 1, 0, 1, 0, 0, 0, 0)],
  ],
  sinkhorn_finish: [
    [[f(1), f(7, 3, 0.5, 1, 0, 0, 0, 0)], {}, f(7, 3, 0.5)],
    [[f(1), f(0, 1, 0, 0, 0, LOG_ZERO, 1, 0)], {}, f(0, 1, 0)],
  ],
}

describe.each(OP_NAMES)('%s', (op) => {
  it.each([...(examples[op] ?? []).keys()])('example %i', (n) => {
    const [inputs, params, wanted] = examples[op]![n] as Example<OpName>
    const result = run(op, inputs, params as never)
    expect(result.shape).toEqual(wanted.shape)
    expect(result.dtype).toBe(wanted.dtype)
    result.values.forEach((value, at) => {
      if (Number.isFinite(wanted.values[at]) && !Number.isInteger(wanted.values[at]))
        expect(value).toBeCloseTo(wanted.values[at], 14)
      else expect(value + 0).toBe(wanted.values[at] + 0)
    })
  })

  it('is documented', () => {
    expect(records[op].doc).toMatch(/\.$/)
    expect(records[op].formula).toMatch(/^y/)
  })
})
