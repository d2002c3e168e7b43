import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { WeightPiece, WeightSlice } from '../../../plan/plan.ts'
import { stridedCopies, viewOf, type CopyLimits, type View } from '../../../runtime/weights/view.ts'
import { assertProperty } from '../../support/property.ts'

const piece = (slices: readonly WeightSlice[], transpose = false): WeightPiece => ({ tensor: 't', slices, transpose })

/** What the copies put where, one element after the other. Ranges are complete in order, and none is longer than `staged`. */
function gather(view: View, limits: CopyLimits): readonly number[] {
  const out: number[] = []
  let [complete, next, made] = [0, 0, 0]
  for (const copy of stridedCopies(view, limits)) {
    const { from, stride: step, count, to, toStride: toStep } = copy
    if (copy.complete !== next) {
      expect(made).toBe(next)
      ;[complete, next] = [next, copy.complete]
      expect(next - complete).toBeLessThanOrEqual(limits.staged)
    }
    expect(count * step - step + 1).toBeLessThanOrEqual(Math.max(limits.span, 1))
    for (let at = 0; at < count; at++) {
      expect(out[to + at * toStep]).toBeUndefined()
      expect(to + at * toStep).toBeGreaterThanOrEqual(complete)
      out[to + at * toStep] = from + at * step
    }
    made += count
  }
  expect(made).toBe(next)
  return out
}

/** The same by definition: every index of the result, taken back to the file. */
function byDefinition(shape: readonly number[], { slices, transpose }: WeightPiece): readonly number[] {
  const taken = shape.map((size, axis) => {
    const slice = slices[axis] ?? { kind: 'all' }
    const all = Array.from({ length: size }, (_, at) => at)
    if (slice.kind === 'all') return all
    if (slice.kind === 'index') return [slice.at]
    return all.slice(slice.start, slice.stop ?? size).filter((_, at) => at % slice.step === 0)
  })
  const kept = taken.map((_, axis) => axis).filter((axis) => slices[axis]?.kind !== 'index')
  const order = transpose ? [...kept.slice(0, -2), kept.at(-1)!, kept.at(-2)!] : kept
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((all, size) => all * size, 1))
  const fixed = taken.reduce((sum, entries, axis) => sum + (kept.includes(axis) ? 0 : entries[0] * strides[axis]), 0)
  return order.reduce<number[]>(
    (offsets, axis) => offsets.flatMap((offset) => taken[axis].map((at) => offset + at * strides[axis])),
    [fixed],
  )
}

const slice = (size: number): fc.Arbitrary<WeightSlice> =>
  fc.oneof(
    fc.constant<WeightSlice>({ kind: 'all' }),
    fc.nat(size - 1).map((at): WeightSlice => ({ kind: 'index', at })),
    fc
      .record({ a: fc.nat(size), b: fc.option(fc.nat(size)), step: fc.integer({ min: 1, max: 3 }) })
      .map(({ a, b, step }): WeightSlice => ({
        kind: 'range',
        start: b === null ? a : Math.min(a, b),
        stop: b === null ? null : Math.max(a, b),
        step,
      })),
  )

const cases = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }).chain((shape) =>
  fc.record({
    shape: fc.constant(shape),
    slices: fc.tuple(...shape.map(slice)).chain((all) => fc.nat(all.length).map((kept) => all.slice(0, kept))),
    transpose: fc.boolean(),
    limits: fc.record({ span: fc.integer({ min: 1, max: 30 }), staged: fc.integer({ min: 1, max: 30 }) }),
  }),
)

test('runs reach exactly the elements that the slices mean, in their order', () => {
  assertProperty(
    fc.property(cases, ({ shape, slices, transpose, limits }) => {
      const view = viewOf(shape, piece(slices, transpose))
      if (typeof view === 'string') {
        expect(transpose).toBe(true)
        return
      }
      expect(gather(view, limits)).toEqual(byDefinition(shape, piece(slices, transpose)))
    }),
  )
})

test('a whole tensor is one run as long as the limit lets it', () => {
  const view = viewOf([4, 5, 6], piece([])) as View
  const copies = [...stridedCopies(view, { span: 1000, staged: 1000 })]
  expect(copies).toEqual([{ from: 0, stride: 1, count: 120, to: 0, toStride: 1, complete: 120 }])
})

test.each([
  [[4], [{ kind: 'all' }, { kind: 'all' }], false, '2 slices for 1 axes'],
  [[4], [{ kind: 'index', at: 4 }], false, 'index 4 of axis 0, which has 4 entries'],
  [[4], [{ kind: 'range', start: 0, stop: 5, step: 1 }], false, 'a slice beyond the 4 entries of axis 0'],
  [[4], [], true, 'a transposition of fewer than two axes'],
] as const)('%j%j is no view', (shape, slices, transpose, why) => {
  expect(viewOf(shape, piece(slices, transpose))).toBe(why)
})
