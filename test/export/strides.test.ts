import fc from 'fast-check'
import { expect, test } from 'vitest'
import { copyStretch, entryOf, paired, spanOf, stretches } from '../../cli/export/strides.ts'
import type { WeightSlice } from '../../plan/plan.ts'
import { viewOf, type View } from '../../runtime/weights/view.ts'
import { assertProperty } from '../support/property.ts'

/** Offsets of a view in the order of the weight, by definition. */
function offsets({ axes, start, transpose }: View): readonly number[] {
  const seen = transpose ? [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!] : axes
  return seen.reduce<readonly number[]>(
    (all, { size, stride }) => all.flatMap((offset) => Array.from({ length: size }, (_, at) => offset + at * stride)),
    [start],
  )
}

interface Layout {
  readonly view: View
  /** Elements of the tensor. */
  readonly length: number
}

/** A tensor that a weight of this shape is a part of, turned or not. */
const layout = (shape: readonly number[]): fc.Arbitrary<Layout> =>
  fc
    .record({
      starts: fc.array(fc.nat(2), { minLength: shape.length, maxLength: shape.length }),
      steps: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: shape.length, maxLength: shape.length }),
      transpose: fc.boolean(),
    })
    .map(({ starts, steps, transpose: asked }) => {
      const transpose = asked && shape.length > 1
      const seen = transpose ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape
      const slices = seen.map((size, axis): WeightSlice => ({
        kind: 'range',
        start: starts[axis],
        stop: starts[axis] + (size - 1) * steps[axis] + 1,
        step: steps[axis],
      }))
      const sizes = seen.map((size, axis) => starts[axis] + (size - 1) * steps[axis] + 1)
      const view = viewOf(sizes, { tensor: 't', slices, transpose }) as View
      return { view, length: sizes.reduce((all, size) => all * size, 1) }
    })

const drawn = fc
  .array(fc.integer({ min: 1, max: 4 }), { minLength: 0, maxLength: 4 })
  .chain((shape) => fc.record({ from: layout(shape), to: layout(shape), limit: fc.integer({ min: 1, max: 40 }) }))

test('every number goes to its place, whatever either layout is and however much is read at a time', () => {
  assertProperty(
    fc.property(drawn, ({ from, to, limit }) => {
      const source = Uint32Array.from({ length: from.length }, (_, at) => at + 1)
      const target = new Uint32Array(to.length)
      for (const stretch of stretches(paired(from.view, to.view), limit)) {
        const end = stretch.from + spanOf(stretch)
        expect(end).toBeLessThanOrEqual(from.length)
        if (stretch.axes.length > 1) expect(spanOf(stretch)).toBeLessThanOrEqual(limit)
        copyStretch(source.subarray(stretch.from, end), stretch.from, stretch, target)
      }
      const wanted = new Uint32Array(to.length)
      const places = offsets(to.view)
      offsets(from.view).forEach((offset, at) => (wanted[places[at]] = offset + 1))
      expect(target).toEqual(wanted)
    }),
  )
})

test('an entry of the leading axis is a view of its own', () => {
  const view = viewOf([3, 4, 5], { tensor: 't', slices: [], transpose: true }) as View
  expect(offsets(entryOf(view, 2))).toEqual(offsets(view).slice(40))
})

test('views of other shapes are no pair', () => {
  const view = (shape: readonly number[]): View => viewOf(shape, { tensor: 't', slices: [], transpose: false }) as View
  expect(() => paired(view([2, 3]), view([3, 2]))).toThrow('[2, 3] is not [3, 2]')
  expect(paired(view([1, 6]), view([6])).axes).toEqual([{ size: 6, from: 1, to: 1 }])
})
