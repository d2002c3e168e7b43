/** What constraints make of random choices, against plain loops; kept and dropped slots are all there are. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lower } from '../../compiler/lower/lower.ts'
import { fraction } from '../../compiler/lower/limits.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import type { HostTensor } from '../../compiler/reference/tensor.ts'
import { checkSource, framed } from '../support/check.ts'

const MANY = 40

interface Case {
  readonly T: number
  readonly E: number
  readonly k: number
  readonly scores: readonly (readonly number[])[]
}

/** Few different scores, so that ties are common; some tokens agree on everything. */
const cases: fc.Arbitrary<Case> = fc.tuple(fc.integer({ min: 1, max: 7 }), fc.constantFrom(1, 2, 4, 6)).chain(([T, E]) => fc.record({
  T: fc.constant(T), E: fc.constant(E), k: fc.integer({ min: 1, max: E }),
  scores: fc.oneof(
    fc.array(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: E, maxLength: E }), { minLength: T, maxLength: T }),
    fc.array(fc.integer({ min: 1, max: 9 }), { minLength: E, maxLength: E }).map((row) => Array.from({ length: T }, () => row)),
  ),
}))

/** Scores are the tokens themselves, and an expert answers its own factor times the token. */
const spec = ({ E, k }: Case, clauses: readonly string[]): string => `policy own(k: int) {
  let s = x[:, 0:E]
  select top k by s
  weigh pick(s, selected)
}

expert factor(x: f32[T, D]) -> f32[T, D] {
  param by: f32[D]
  return x * by
}

model m(D: int = ${E}, E: int = ${E}) {
  input x: f32[T, D]
  output y = moe(x) {
    experts E of factor()
    route own(k = ${k})
${clauses.map((clause) => `    ${clause}\n`).join('')}  }
}
`

interface Made {
  readonly ids: readonly (readonly number[])[]
  readonly weights: readonly (readonly number[])[]
  readonly y: readonly (readonly number[])[]
}

const rowsOf = ({ shape, values }: HostTensor): number[][] => Array.from({ length: shape[0] }, (_, t) => [...values.slice(t * shape[1], (t + 1) * shape[1])])
const tensor = (rows: readonly (readonly number[])[]): HostTensor => ({ shape: [rows.length, rows[0].length], dtype: 'f32', values: Float64Array.from(rows.flat()) })
const factorOf = (e: number): number => e + 2

function run(one: Case, clauses: readonly string[], more: Record<string, HostTensor> = {}): Made {
  const { model, diagnostics } = checkSource({ path: 'test/lower/spec.smoe', text: spec(one, clauses) })
  expect(framed(diagnostics)).toBe('')
  const by = tensor(Array.from({ length: one.E }, (_, e) => Array.from({ length: one.E }, () => factorOf(e))))
  const shared = { 'moe.shared.by': { shape: [one.E], dtype: 'f32' as const, values: new Float64Array(one.E).fill(100) } }
  const made = evaluate(lower(model!, { routes: true }), { inputs: { x: tensor(one.scores) }, weights: { 'moe.experts.by': by, ...shared, ...more } })
  return { ids: rowsOf(made['moe.selected']), weights: rowsOf(made['moe.weights']), y: rowsOf(made.y) }
}

const ranked = (row: readonly number[]): number[] => row.map((_, e) => e).sort((a, b) => row[b] - row[a] || a - b)
const plain = ({ k, scores }: Case): number[][] => scores.map((row) => ranked(row).slice(0, k))

/** Slots in the order in which they are given a place: first choices of all tokens before second ones. */
const inOrder = ({ T, k }: Pick<Case, 'T' | 'k'>): (readonly [number, number])[] => Array.from({ length: k }, (_, j) => Array.from({ length: T }, (_, t) => [t, j] as const)).flat()

/** The answers that ids and the scores of what was selected first make. */
function expectSums(one: Case, { ids, weights, y }: Made, extra: (t: number) => number = () => 0): void {
  for (const [t, row] of ids.entries()) {
    const sum = row.reduce((all, e, j) => (e < 0 ? all : all + weights[t][j] * factorOf(e)), extra(t))
    for (const [d, value] of y[t].entries()) expect(value).toBeCloseTo(sum * one.scores[t][d], 6)
    for (const [j, e] of row.entries()) if (e < 0) expect(weights[t][j]).toBe(0)
  }
}

const loads = (ids: readonly (readonly number[])[], E: number): number[] => Array.from({ length: E }, (_, e) => ids.flat().filter((id) => id === e).length)
const property = (law: (one: Case) => void): void => fc.assert(fc.property(cases, law), { numRuns: MANY })
const capacityOf = ({ T, E, k }: Case, factor: number): number => Math.ceil(Math.round(factor * 100 * T * k) / (100 * E))

function cut(one: Case, limit: number): number[][] {
  const ids = plain(one)
  const load = new Map<number, number>()
  for (const [t, j] of inOrder(one)) {
    const e = ids[t][j]
    const place = load.get(e) ?? 0
    load.set(e, place + 1)
    if (place >= limit) ids[t][j] = -1
  }
  return ids
}

describe('a limit', () => {
  test.each([0.5, 1, 1.25])('capacity %d overflow drop', (factor) => property((one) => {
    const made = run(one, [`require capacity ${factor} overflow drop`])
    expect(made.ids).toEqual(cut(one, capacityOf(one, factor)))
    expect(Math.max(...loads(made.ids, one.E))).toBeLessThanOrEqual(capacityOf(one, factor))
    expectSums(one, made)
  }))
  test('at most 2 tokens an expert', () => property((one) => {
    const made = run(one, ['require at most 2 tokens an expert'])
    expect(made.ids).toEqual(cut(one, 2))
    expectSums(one, made)
  }))
  test('overflow shared: the weight of what is dropped goes to the shared answer', () => property((one) => {
    const made = run(one, ['require capacity 0.5 overflow shared', 'shared 1 of factor()'])
    const [all, ids] = [plain(one), cut(one, capacityOf(one, 0.5))]
    expect(made.ids).toEqual(ids)
    const lost = (t: number): number => all[t].reduce((sum, e, j) => (ids[t][j] < 0 ? sum + one.scores[t][e] : sum), 0)
    expectSums(one, made, (t) => 100 * (1 + lost(t)))
  }))
  test.each([0.5, 1])('capacity %d overflow next', (factor) => property((one) => {
    const made = run(one, [`require capacity ${factor} overflow next`])
    const limit = capacityOf(one, factor)
    const ids = one.scores.map(() => Array.from({ length: one.k }, () => -1))
    const load = Array.from({ length: one.E }, () => 0)
    const left = one.scores.map((row) => ranked(row))
    for (let round = 0; round < one.E; round++) {
      const asks = ids.map((row, t) => row.map((id) => (id < 0 && left[t].length > 0 ? left[t].shift()! : -1)))
      for (const [t, j] of inOrder(one)) {
        const e = asks[t][j]
        if (e < 0 || load[e] >= limit) continue
        load[e]++
        ids[t][j] = e
      }
    }
    expect(made.ids).toEqual(ids)
    // the weights stay with their slots
    expect(made.weights).toEqual(ids.map((row, t) => row.map((id, j) => (id < 0 ? 0 : one.scores[t][plain(one)[t][j]]))))
    expectSums(one, made)
  }))
  test('as many as there are tokens drops none', () => property((one) => {
    expect(run(one, [`require capacity ${one.E} overflow drop`, 'require dropless']).ids).toEqual(plain(one))
  }))
})

describe('experts that choose', () => {
  test('each takes the tokens with its highest scores', () => property((one) => {
    const made = run(one, ['require expert choice'])
    const limit = Math.ceil(one.k * one.T / one.E)
    const column = (e: number): number[] => one.scores.map((_, t) => t).sort((a, b) => one.scores[b][e] - one.scores[a][e] || a - b).slice(0, limit)
    expect(made.ids).toEqual(one.scores.map((row, t) => row.map((_, e) => (column(e).includes(t) ? e : -1))))
    expect(loads(made.ids, one.E)).toEqual(Array.from({ length: one.E }, () => limit))
    expectSums(one, made)
  }))
})

describe('what selects', () => {
  test('groups: the best of a group speaks for it', () => property((one) => {
    fc.pre(one.E % 2 === 0 && one.k <= one.E / 2)
    const made = run(one, [`require groups 2 keep 1`])
    const half = one.E / 2
    expect(made.ids).toEqual(one.scores.map((row) => {
      const kept = Math.max(...row.slice(half)) > Math.max(...row.slice(0, half)) ? 1 : 0
      return ranked(row).filter((e) => Math.floor(e / half) === kept).slice(0, one.k)
    }))
    expectSums(one, made)
  }))
  test('a bias selects and does not weigh', () => property((one) => {
    const bias = Array.from({ length: one.E }, (_, e) => (e % 2) * 4)
    const made = run(one, ['require bias balanced at 0.001'], { 'moe.router.balance_bias': { shape: [one.E], dtype: 'f32', values: Float64Array.from(bias) } })
    expect(made.ids).toEqual(one.scores.map((row) => ranked(row.map((score, e) => score + bias[e])).slice(0, one.k)))
    expect(made.weights).toEqual(made.ids.map((row, t) => row.map((e) => one.scores[t][e])))
    expectSums(one, made)
  }))
  test('groups, a bias and a limit together', () => property((one) => {
    fc.pre(one.E === 4 && one.k <= 2)
    const bias = { 'moe.router.balance_bias': { shape: [4], dtype: 'f32' as const, values: Float64Array.of(0, 3, 0, 1) } }
    const made = run(one, ['require groups 2 keep 1', 'require bias balanced at 0.001', 'require capacity 1 overflow next', 'require balanced within 5%'], bias)
    for (const row of made.ids) expect(new Set(row.filter((e) => e >= 0).map((e) => Math.floor(e / 2))).size).toBeLessThanOrEqual(1)
    expect(Math.max(...loads(made.ids, 4))).toBeLessThanOrEqual(capacityOf(one, 1))
  }))
})

test('numbers as fractions', () => {
  expect([1.25, 3, 0.1, 1e-7, 2.5e21].map(fraction)).toEqual([[5, 4], [3, 1], [1, 10], [1, 10000000], [2.5e21, 1]])
})
