/** A feed-forward network that every token goes through. */
import type { Fields } from '../fields.ts'
import type { Make, Sublayer, Weights } from '../part.ts'
import { intParameter } from '../parameter.ts'
import { demandSilu } from './activation.ts'

export interface DenseOptions {
  /** Field of the width inside. */
  readonly width?: string
  /** Whether the projections have biases; none where it is absent. */
  readonly biases?: (fields: Fields) => boolean
  /** Name of the parameter; `F` where all layers are dense. */
  readonly parameter?: string
  /** Names in a layer, without `.weight` and `.bias`. */
  readonly names?: Readonly<Record<'gate' | 'up' | 'down', string>>
}

const NAMES = { gate: 'mlp.gate_proj', up: 'mlp.up_proj', down: 'mlp.down_proj' } as const

export const dense =
  ({ width = 'intermediate_size', biases, parameter = 'F', names = NAMES }: DenseOptions = {}): Make<Sublayer> =>
  ({ fields }) => {
    demandSilu(fields)
    const size = fields.count(width, `the parameter ${parameter}: the width inside a dense network`)
    const hasBias = biases?.(fields) === true
    const weights: Weights = Object.fromEntries(
      Object.entries(names).flatMap(([path, name]) => [
        [`mlp.${path}`, `${name}.weight`],
        ...(hasBias ? [[`mlp.${path}_bias`, `${name}.bias`]] : []),
      ]),
    )
    const doc = parameter === 'F' ? 'Width inside a feed-forward network.' : 'Width inside a dense feed-forward network.'
    return {
      imports: { 'blocks/mlp': ['swiglu_mlp'] },
      parameters: [intParameter(parameter, size, doc, 'hidden')],
      weights,
      label: 'mlp',
      namesInput: false,
      isChoice: false,
      lines: (input) => [`swiglu_mlp(${input}, F = ${parameter}${hasBias ? ', biases = true' : ''}) as mlp`],
    }
  }
