/** Norms of the residual stream. */
import type { Context, Imports, Make, Weights } from '../part.ts'
import { realParameter, type ParameterText } from '../parameter.ts'
import { realText } from '../write.ts'

export interface Norm {
  readonly imports: Imports
  readonly parameters: readonly ParameterText[]
  readonly call: (input: string, label: string) => string
  /** Weights of the instance with this label. */
  readonly weights: (label: string, tensor: string) => Weights
}

const EPS = 'Added to the mean square in the norms.'

/** RMSNorm with the epsilon of a field, or with a number that no config changes. */
export const rmsNorm =
  (eps: string | number = 'rms_norm_eps'): Make<Norm> =>
  ({ fields }) => ({
    imports: { 'blocks/norm': ['rms_norm'] },
    parameters: typeof eps === 'string' ? [realParameter('eps', fields.positive(eps, 'the parameter eps'), EPS)] : [],
    call: (input, label) => `rms_norm(${input}, eps = ${typeof eps === 'string' ? 'eps' : realText(eps)}) as ${label}`,
    weights: (label, tensor) => ({ [`${label}.weight`]: `${tensor}.weight` }),
  })

interface LayerNormOptions {
  /** A field, or a number that no config changes. */
  readonly eps: string | number
  readonly biases: boolean
}

/** LayerNorm. */
export const layerNorm =
  ({ eps, biases }: LayerNormOptions): Make<Norm> =>
  ({ fields }: Context) => ({
    imports: { 'blocks/norm': ['layer_norm'] },
    parameters:
      typeof eps === 'string'
        ? [realParameter('eps', fields.positive(eps, 'the parameter eps'), 'Added to the variance in the norms.')]
        : [],
    call: (input, label) => {
      const number = typeof eps === 'string' ? 'eps' : realText(eps)
      return `layer_norm(${input}, eps = ${number}${biases ? '' : ', biases = false'}) as ${label}`
    },
    weights: (label, tensor) => ({
      [`${label}.weight`]: `${tensor}.weight`,
      ...(biases ? { [`${label}.bias`]: `${tensor}.bias` } : {}),
    }),
  })
