/** Random numbers, and the regularisation by them in training. */
import type { Dim } from '../../../plan/dim.ts'
import type { TensorType } from '../../ops/record.ts'
import { stretch, together } from './broadcast.ts'
import { tensor, type Builtin } from './builtin.ts'
import type { Emit } from './emit.ts'

/** Normal numbers of two uniform ones each. Box and Muller, 1958. */
function normal<T extends TensorType>(emit: Emit<T>, shape: readonly Dim[]): T {
  const number = (value: number): T => stretch(emit, emit.constant(value, 'f32'), shape)
  const [first, second] = [emit.random(shape), emit.random(shape)]
  const radius = emit.make('sqrt', [emit.make('multiply', [emit.make('log', [first], {}), number(-2)], {})], {})
  return emit.make('multiply', [radius, emit.make('cos', [emit.make('multiply', [second, number(2 * Math.PI)], {})], {})], {})
}

const source = {
  operator: null,
  elementwise: false,
  random: 'source',
  parameters: [{ name: 'shape', kind: 'dims' }],
} as const
const noise = { operator: null, elementwise: true, random: 'noise' } as const

export const RANDOM = {
  uniform: {
    ...source,
    signature: 'uniform([sizes])',
    doc: 'Uniform random numbers above 0 and below 1, drawn anew at each step and for each call in the text. Only in training.',
    expand: (emit, _, { dims }) => emit.random(dims),
  },
  normal: {
    ...source,
    signature: 'normal([sizes])',
    doc: 'Normal random numbers with mean 0 and standard deviation 1, drawn anew at each step and for each call in the text. Only in training.',
    expand: (emit, _, { dims }) => normal(emit, dims),
  },
  dropout: {
    ...noise,
    signature: 'dropout(x: f32[...], rate: real)',
    doc: 'In training, sets this fraction of the elements, drawn anew at each step, to 0 and divides the others by 1 - rate; otherwise x itself. Srivastava et al., 2014.',
    parameters: [tensor('x'), { name: 'rate', kind: 'rate' }],
    expand(emit, [x, rate]) {
      const [zero, one] = [emit.constant(0, 'f32'), emit.constant(1, 'f32')]
      const factor = emit.make('divide', [one, emit.make('subtract', [one, rate], {})], {})
      const isDropped = emit.make('less', [emit.random(x.shape), stretch(emit, rate, x.shape)], {})
      const mask = emit.make('select', [isDropped, stretch(emit, zero, x.shape), stretch(emit, factor, x.shape)], {})
      return emit.make('multiply', [x, mask], {})
    },
  },
  noisy: {
    ...noise,
    signature: 'noisy(x: f32[...], deviation)',
    doc: 'In training, adds normal noise of this standard deviation, drawn anew at each step; otherwise x itself.',
    parameters: [tensor('x'), tensor('deviation')],
    expand(emit, operands) {
      const [x, deviation] = together(emit, operands)
      return emit.make('add', [x, emit.make('multiply', [deviation, normal(emit, x.shape)], {})], {})
    },
  },
} as const satisfies Readonly<Record<string, Builtin>>
