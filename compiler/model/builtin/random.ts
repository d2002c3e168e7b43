/** Chance: random numbers, and what they do to values while a model learns. */
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
    doc: 'Random numbers above 0 and below 1, all alike probable: new ones at each step, in each place of the text. In training alone.',
    expand: (emit, _, { dims }) => emit.random(dims),
  },
  normal: {
    ...source,
    signature: 'normal([sizes])',
    doc: 'Random numbers of the normal distribution with mean 0 and deviation 1: new ones at each step, in each place of the text. In training alone.',
    expand: (emit, _, { dims }) => normal(emit, dims),
  },
  dropout: {
    ...noise,
    signature: 'dropout(x: f32[...], rate: real)',
    doc: 'In training, 0 in the place of this share of the elements, drawn anew at each step, and the others over 1 - rate; else x itself. Srivastava et al., 2014.',
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
    doc: 'In training, x with normal noise of this deviation added, drawn anew at each step; else x itself.',
    parameters: [tensor('x'), tensor('deviation')],
    expand(emit, operands) {
      const [x, deviation] = together(emit, operands)
      return emit.make('add', [x, emit.make('multiply', [deviation, normal(emit, x.shape)], {})], {})
    },
  },
} as const satisfies Readonly<Record<string, Builtin>>
