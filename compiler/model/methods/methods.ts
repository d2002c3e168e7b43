/** The tables of optimisers, schedules and initialisers, and of the other settings of training. */
import type { NumberSetting } from '../../../grammar/ast.ts'
import type { Initialiser, RecipeWeight, Optimiser, RateSchedule } from '../../../plan/recipe.ts'
import { bool, int, real, type Method, type Setting } from './setting.ts'

type MethodOf<T extends { readonly kind: string }> = {
  readonly [K in T['kind']]: Method<Exclude<keyof Extract<T, { readonly kind: K }>, 'kind'> & string>
}

const UNIT = { to: 1 } as const
const SHARE = { to: 1, excludes: 'to' } as const

const rate = (given: number | null): Setting => real('learning rate', given)
const decay = (given: number): Setting =>
  real('weight decay: the fraction of each weight subtracted at a step, times the learning rate', given)
const memory = (what: string, given: number): Setting => real(`decay of the running mean of ${what}`, given, SHARE)
const epsilon = real('added to the root mean square', 1e-8, { from: 0, excludes: 'from' })

export const OPTIMISERS: MethodOf<Optimiser> = {
  sgd: {
    doc: 'Stochastic gradient descent, with momentum if given. Sutskever et al., 2013.',
    settings: {
      rate: rate(null),
      momentum: memory('the steps', 0),
      nesterov: bool('whether momentum is that of Nesterov', false),
      decay: decay(0),
    },
  },
  adam: {
    doc: 'Adam: running means of the gradient over their root mean squares; the decay is added to the gradient. Kingma and Ba, 2015.',
    settings: {
      rate: rate(1e-3),
      beta1: memory('the gradients', 0.9),
      beta2: memory('their squares', 0.999),
      epsilon,
      decay: decay(0),
    },
  },
  adamw: {
    doc: 'Adam with decoupled weight decay. Loshchilov and Hutter, 2019.',
    settings: {
      rate: rate(1e-3),
      beta1: memory('the gradients', 0.9),
      beta2: memory('their squares', 0.999),
      epsilon,
      decay: decay(0.01),
    },
  },
  lion: {
    doc: 'Lion: the sign of a running mean of the gradients. Chen et al., 2023.',
    settings: {
      rate: rate(1e-4),
      beta1: real('weight of the running mean in the sign', 0.9, SHARE),
      beta2: memory('the gradients', 0.99),
      decay: decay(0),
    },
  },
}

const warmup = int('warm-up steps, over which the learning rate rises from 0', 0)
const final = real('fraction of the learning rate at the last step', 0, UNIT)

export const SCHEDULES: MethodOf<RateSchedule> = {
  constant: { doc: 'A constant learning rate after the warm-up.', settings: { warmup } },
  linear: { doc: 'Linear decay to the final fraction after the warm-up.', settings: { warmup, final } },
  cosine: {
    doc: 'Cosine decay to the final fraction after the warm-up. Loshchilov and Hutter, 2017.',
    settings: { warmup, final },
  },
}

export const INITIALISERS: MethodOf<Initialiser> = {
  zeros: { doc: 'All zeros.', settings: {} },
  ones: { doc: 'All ones.', settings: {} },
  constant: { doc: 'One constant.', settings: { value: real('the number', null, { from: -Infinity }) } },
  normal: { doc: 'Normal numbers with mean 0.', settings: { deviation: real('standard deviation', null) } },
  uniform: { doc: 'Uniform numbers from -bound to bound.', settings: { bound: real('largest magnitude', null) } },
  fan: {
    doc: 'Normal numbers with standard deviation gain / sqrt(fan-in); the fan-in is the size of the last axis.',
    settings: { gain: real('factor on the standard deviation', 1) },
  },
  orthogonal: {
    doc: 'The last two axes as orthonormal rows, or columns, times gain. Saxe et al., 2014.',
    settings: { gain: real('factor on each', 1) },
  },
}

export const NUMBERS: { readonly [N in NumberSetting]: Setting } = {
  clip: real('maximum global norm of the gradients of a step', null, { excludes: 'from' }),
  accumulate: int('micro-batches per step (gradient accumulation)', 1, { from: 1, to: 65_536 }),
  steps: int('steps of the run', 1000, { from: 1, to: 2 ** 31 - 1 }),
  seed: int('seed of all random numbers', 0, { to: 2 ** 31 - 1 }),
}

export const ADAPTERS: { readonly lora: Method<'rank' | 'scale'> } = {
  lora: {
    doc: 'A pair of matrices of low rank beside each frozen one: A is random and B is 0 at first, so that the model starts as it was. Hu et al., 2021.',
    settings: {
      rank: int('rank of the pair', null, { from: 1, to: 65_536 }),
      scale: real('factor on the product of the pair, alpha / rank in the paper', 1),
    },
  },
}

export const GROUP: Method<Extract<keyof RecipeWeight, 'rate' | 'decay'>> = {
  doc: 'A parameter group: weights with other settings.',
  settings: {
    rate: real('factor on the learning rate of the optimiser', 1),
    decay: real("weight decay in the place of the optimiser's", 0),
  },
}
