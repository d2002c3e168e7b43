/** Every optimiser, schedule and initialiser, and the other settings of training, with what each takes. */
import type { NumberSetting } from '../../../grammar/ast.ts'
import type { Initialiser, RecipeWeight, Optimiser, RateSchedule } from '../../../plan/recipe.ts'
import { bool, int, real, type Method, type Setting } from './setting.ts'

type MethodOf<T extends { readonly kind: string }> = {
  readonly [K in T['kind']]: Method<Exclude<keyof Extract<T, { readonly kind: K }>, 'kind'> & string>
}

const UNIT = { to: 1 } as const
const SHARE = { to: 1, excludes: 'to' } as const

const rate = (given: number | null): Setting => real('step size', given)
const decay = (given: number): Setting => real('how much of each weight is taken off a step, times the rate', given)
const memory = (what: string, given: number): Setting =>
  real(`how much of the mean of ${what} is kept from step to step`, given, SHARE)
const epsilon = real('added to the root of the mean square', 1e-8, { from: 0, excludes: 'from' })

export const OPTIMISERS: MethodOf<Optimiser> = {
  sgd: {
    doc: 'Against the gradient, with momentum where it is asked for. Sutskever et al., 2013.',
    settings: {
      rate: rate(null),
      momentum: memory('the steps', 0),
      nesterov: bool('whether the gradient is taken ahead, where momentum leads', false),
      decay: decay(0),
    },
  },
  adam: {
    doc: 'Against the mean of the gradients, each over its root mean square; the decay is part of the gradient. Kingma and Ba, 2015.',
    settings: {
      rate: rate(1e-3),
      beta1: memory('the gradients', 0.9),
      beta2: memory('their squares', 0.999),
      epsilon,
      decay: decay(0),
    },
  },
  adamw: {
    doc: 'Adam with the decay apart from the gradient. Loshchilov and Hutter, 2019.',
    settings: {
      rate: rate(1e-3),
      beta1: memory('the gradients', 0.9),
      beta2: memory('their squares', 0.999),
      epsilon,
      decay: decay(0.01),
    },
  },
  lion: {
    doc: 'Steps of one size, against the sign of a mean of the gradients. Chen et al., 2023.',
    settings: {
      rate: rate(1e-4),
      beta1: real('share of the mean in the sign', 0.9, SHARE),
      beta2: memory('the gradients', 0.99),
      decay: decay(0),
    },
  },
}

const warmup = int('steps over which the rate rises from 0', 0)
const final = real('what is left of the rate at the last step', 0, UNIT)

export const SCHEDULES: MethodOf<RateSchedule> = {
  constant: { doc: 'The rate as it is, after the warm-up.', settings: { warmup } },
  linear: { doc: 'After the warm-up along a line to the final share.', settings: { warmup, final } },
  cosine: {
    doc: 'After the warm-up along half a cosine to the final share. Loshchilov and Hutter, 2017.',
    settings: { warmup, final },
  },
}

export const INITIALISERS: MethodOf<Initialiser> = {
  zeros: { doc: '0 everywhere.', settings: {} },
  ones: { doc: '1 everywhere.', settings: {} },
  constant: { doc: 'One number everywhere.', settings: { value: real('the number', null, { from: -Infinity }) } },
  normal: { doc: 'Normal numbers of mean 0.', settings: { deviation: real('standard deviation', null) } },
  uniform: { doc: 'Uniform numbers from -bound to bound.', settings: { bound: real('largest magnitude', null) } },
  fan: {
    doc: 'Normal numbers of deviation gain / sqrt(n), n the numbers that one output depends on: the last axis.',
    settings: { gain: real('factor on the deviation', 1) },
  },
  orthogonal: {
    doc: 'The last two axes as orthonormal rows, or columns, times gain. Saxe et al., 2014.',
    settings: { gain: real('factor on each', 1) },
  },
}

export const NUMBERS: { readonly [N in NumberSetting]: Setting } = {
  clip: real('largest global norm of the gradients of a step', null, { excludes: 'from' }),
  accumulate: int('micro-batches a step', 1, { from: 1, to: 65_536 }),
  steps: int('steps of a run', 1000, { from: 1, to: 2 ** 31 - 1 }),
  seed: int('what all random numbers follow from', 0, { to: 2 ** 31 - 1 }),
}

export const GROUP: Method<Extract<keyof RecipeWeight, 'rate' | 'decay'>> = {
  doc: 'Weights that are treated otherwise.',
  settings: {
    rate: real('factor on the rate of the optimiser', 1),
    decay: real("weight decay in the place of the optimiser's", 0),
  },
}
