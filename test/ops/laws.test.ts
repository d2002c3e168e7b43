import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DType, OpName } from '../../compiler/graph/vocabulary.ts'
import { createInterpreter, createThread } from '../../compiler/scalar/interpret.ts'
import type { Expression } from '../../compiler/scalar/expression.ts'
import { infer } from '../../compiler/ops/infer.ts'
import { recordOf, records } from '../../compiler/ops/records.ts'
import type { OpRecord, Surroundings } from '../../compiler/ops/record.ts'
import { hostTensor, type HostTensor } from '../../compiler/ops/tensor.ts'
import { assertProperty } from '../support/property.ts'

const nowhere: Surroundings = {
  dims: {},
  input: () => {
    throw new Error('no inputs')
  },
  weight: () => {
    throw new Error('no weights')
  },
}

const evaluate = (op: OpName, inputs: readonly HostTensor[], params: object = {}): HostTensor =>
  (recordOf(op) as OpRecord<never>).evaluate(inputs, params as never, nowhere)

const i32 = (shape: readonly number[], values: readonly number[]): HostTensor =>
  hostTensor(shape, 'i32', Float64Array.from(values))

describe('an elementwise op and its scalar words agree', () => {
  const runner = createInterpreter()
  const value = { f32: fc.double({ noNaN: true, min: -50, max: 50 }), i32: fc.integer(), bool: fc.integer({ min: 0, max: 1 }) }
  const ops = (Object.keys(records) as OpName[]).filter((op) => records[op].kind === 'elementwise')

  const operandsOf = (op: OpName, dtype: DType): DType[] | undefined =>
    [[dtype], [dtype, dtype], ['bool' as const, dtype, dtype]].find(
      (dtypes) =>
        !(
          'error' in
          infer(
            op,
            dtypes.map((each) => ({ shape: [], dtype: each })),
            { dtype: 'f32' } as never,
          )
        ),
    )

  it.each(ops)('%s', (op) => {
    for (const dtype of ['f32', 'i32', 'bool'] as const) {
      const dtypes = operandsOf(op, dtype)
      if (dtypes === undefined) continue
      const name = (n: number): string => `x${n}`
      const expression = (recordOf(op) as OpRecord<never>).scalar!(
        dtypes.map((type, n): Expression => ({ kind: 'variable', type, name: name(n) })),
        { dtype: 'f32' } as never,
      )
      assertProperty(
        fc.property(fc.tuple(...dtypes.map((each) => value[each])), (values) => {
          const tensors = values.map((each, n) => hostTensor([], dtypes[n], Float64Array.of(each)))
          const wanted = evaluate(op, tensors, { dtype: 'f32' })
          const own = createThread(Object.fromEntries(values.map((each, n) => [name(n), each])))
          const got = runner.value(expression, { dims: {}, buffers: new Map(), shared: new Map() }, own)
          // whole products beyond 2^53 are exact here alone
          if (op === 'multiply' && dtype === 'i32' && Math.abs(values[0] * values[1]) > Number.MAX_SAFE_INTEGER) return
          expect(got + 0).toBe(wanted.values[0] + 0)
          expect(expression.type).toBe(wanted.dtype)
        }),
        60,
      )
    }
  })

  it('no other op has a scalar form', () => {
    for (const [op, record] of Object.entries(records))
      expect([op, record.scalar !== null]).toEqual([op, record.kind === 'elementwise'])
  })
})

it('top_k is a stable sort by descending score, NaN last', () => {
  const score = fc.oneof(fc.constantFrom(NaN, Infinity, -Infinity, -0, 0, 1), fc.double())
  assertProperty(
    fc.property(fc.array(score, { minLength: 1, maxLength: 12 }), fc.nat(), (scores, n) => {
      const k = 1 + (n % scores.length)
      const ids = [...evaluate('top_k', [hostTensor([scores.length], 'f32', Float64Array.from(scores))], { k }).values]
      const beats = (a: number, b: number): boolean => {
        const [x, y] = [scores[a], scores[b]]
        if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(y)
        return x > y || ((x === y || Number.isNaN(x)) && a < b)
      }
      const rank = (id: number): number => scores.filter((_, other) => beats(other, id)).length
      expect(ids.map(rank)).toEqual(Array.from({ length: k }, (_, j) => j))
    }),
  )
})

describe('the order of rows', () => {
  const routing = fc
    .record({
      tokens: fc.nat({ max: 20 }),
      k: fc.integer({ min: 1, max: 3 }),
      experts: fc.integer({ min: 1, max: 6 }),
      block: fc.integer({ min: 1, max: 8 }),
      tile: fc.integer({ min: 1, max: 8 }),
    })
    .chain((sizes) =>
      fc.record({
        sizes: fc.constant(sizes),
        // all rows to one expert is a case of its own
        ids: fc.oneof(
          fc.array(fc.nat({ max: sizes.experts - 1 }), { minLength: sizes.tokens * sizes.k, maxLength: sizes.tokens * sizes.k }),
          fc.nat({ max: sizes.experts - 1 }).map((id) => Array.from({ length: sizes.tokens * sizes.k }, () => id)),
        ),
      }),
    )

  it('sorts stably by expert, in tiles of one expert that end where the next begins', () => {
    assertProperty(
      fc.property(routing, ({ sizes: { tokens, k, experts, block, tile }, ids }) => {
        const expert = i32([tokens, k], ids)
        const counts = evaluate('expert_histogram', [expert], { experts, block })
        expect([...counts.values].reduce((a, c) => a + c, 0)).toBe(ids.length)
        const out = [...evaluate('sort_by_expert', [expert, counts], { experts, block, tile }).values]
        const rows = out.slice(0, ids.length)
        expect(rows).toEqual([...ids.keys()].sort((a, c) => ids[a] - ids[c] || a - c))
        const tiles = Array.from({ length: (out.length - ids.length) / 2 }, (_, n) =>
          out.slice(ids.length + 2 * n, ids.length + 2 * n + 2),
        )
        expect(tiles.length).toBe(Math.ceil(ids.length / tile) + experts)
        expect(tiles.at(-1)).toEqual([-1, ids.length])
        let next = 0
        tiles.forEach(([id, start], n) => {
          expect(start).toBe(next)
          next = tiles[n + 1]?.[1] ?? ids.length
          if (id === -1) return expect(start).toBe(ids.length)
          expect(next - start).toBeGreaterThan(0)
          expect(next - start).toBeLessThanOrEqual(tile)
          expect(rows.slice(start, next).map((row) => ids[row])).toEqual(Array.from({ length: next - start }, () => id))
        })
      }),
      300,
    )
  })
})
