/** Appending to what earlier runs left of each sequence. */
import { ONE } from '../../plan/dim.ts'
import { checkedIndex } from './indexed.ts'
import { EXACT, type Records } from './record.ts'
import { fail, firstOf, wantCount, wantSame, wantType } from './shapes.ts'
import { elements, hostTensor } from './tensor.ts'

export const appending: Records<'append'> = {
  append: {
    doc:
      'Writes rows behind the first `past` rows of each sequence of a cache, a variable, which is updated where it lies. Rows ' +
      'that do not fit are left out.',
    formula: 'y[b, past[b] + s, ...] = x[b, s, ...], and y[b, t, ...] = cache[b, t, ...] elsewhere',
    kind: 'custom',
    since: 'source',
    commutative: false,
    scalar: null,
    accuracy: EXACT,
    infer(inputs) {
      const [cache, x, past] = inputs
      const counted = wantCount(inputs, 3)
      if (counted) return counted
      if (cache.shape.length < 2 || cache.shape.length !== x.shape.length)
        return fail(`the cache has ${cache.shape.length} axes and the rows have ${x.shape.length}`)
      const isAlike = cache.shape.every((size, axis) => axis === 1 || size === x.shape[axis])
      return (
        firstOf(
          wantType(cache, 'cache', 'f32'),
          wantType(x, 'rows', 'f32'),
          wantType(past, 'past', 'i32'),
          isAlike ? null : fail('the rows differ from those of the cache'),
          past.shape.length === 1
            ? wantSame(past.shape[0], cache.shape[0] ?? ONE, 'past and the sequences')
            : fail('past has one axis'),
        ) ?? { shape: cache.shape, dtype: 'f32' }
      )
    },
    evaluate([cache, x, past]) {
      const [sequences, most, ...rest] = cache.shape
      const [rows, width] = [x.shape[1], elements(rest)]
      const values = cache.values.slice()
      for (let b = 0; b < sequences; b++) {
        const first = checkedIndex(past.values[b], most + 1, 'the length')
        const fitting = Math.min(rows, most - first)
        values.set(x.values.subarray(b * rows * width, (b * rows + fitting) * width), (b * most + first) * width)
      }
      return hostTensor(cache.shape, 'f32', values)
    },
  },
}
