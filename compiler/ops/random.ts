/** The source of random numbers. */
import { evaluate } from '../../plan/dim.ts'
import { philox, uniformOf } from '../../plan/philox.ts'
import { EXACT, type Records } from './record.ts'
import { fail, firstOf, wantCount, wantRank, wantSizes, wantType } from './shapes.ts'
import { elements, hostTensor } from './tensor.ts'

const isStream = (stream: number): boolean => Number.isInteger(stream) && stream >= 0 && stream < 2 ** 31

function uniforms(count: number, seed: number, step: number, stream: number): Float64Array {
  const values = new Float64Array(count)
  for (let block = 0; 4 * block < count; block++) {
    philox([seed, stream], [block, step, 0, 0]).forEach((word, at) => {
      if (4 * block + at < count) values[4 * block + at] = uniformOf(word)
    })
  }
  return values
}

export const sources: Records<'random'> = {
  random: {
    doc:
      'Uniform numbers above 0 and below 1, of 23 bits and a half, the same on every machine: Philox 4x32-10 with the key (seed, stream) at the counter ' +
      '(number of the element / 4, step, 0, 0).',
    formula: 'y[i] = ((word i % 4 of philox((key[0], stream), (i / 4, key[1], 0, 0)) >> 9) + 0.5) * 2^-23',
    kind: 'indexed',
    since: 'source',
    commutative: false,
    isExpensive: true,
    accuracy: EXACT,
    scalar: null,
    infer: (inputs, { shape, stream }) =>
      wantCount(inputs, 1) ??
      firstOf(
        wantType(inputs[0], 'key', 'i32'),
        wantRank(inputs[0], 'key', 1),
        wantSizes(shape),
        inputs[0].shape[0].key === '2' ? null : fail(`the key is a seed and a step, not ${inputs[0].shape[0].key} numbers`),
        isStream(stream) ? null : fail(`the stream is a whole number from 0, not ${stream}`),
      ) ?? { shape, dtype: 'f32' },
    evaluate([key], { shape, stream }, { dims }) {
      const sizes = shape.map((size) => evaluate(size, dims))
      return hostTensor(sizes, 'f32', uniforms(elements(sizes), key.values[0], key.values[1], stream))
    },
  },
}
