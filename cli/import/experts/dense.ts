/** A feed-forward network that every token goes through. */
import type { Fields } from '../fields.ts'
import type { Make, Sublayer, Weights } from '../part.ts'
import { intParameter } from '../parameter.ts'
import { demandGelu, demandSilu, readGelu } from './activation.ts'

/** A block of `blocks/mlp`, and its arguments beside the width. */
export interface DenseBlock {
  readonly name: string
  readonly arguments: readonly string[]
  /** Whether the block has biases without an argument that says so. */
  readonly isBiased?: boolean
}

export interface DenseOptions {
  /** Field of the width inside. */
  readonly width?: string
  /** Whether the projections have biases; none where it is absent. */
  readonly biases?: (fields: Fields) => boolean
  /** SwiGLU where it is absent. */
  readonly block?: (fields: Fields) => DenseBlock
  /** Name of the parameter; `F` where all layers are dense. */
  readonly parameter?: string
  /** Names in a layer, without `.weight` and `.bias`. */
  readonly names?: Readonly<Partial<Record<'gate' | 'up' | 'down', string>>>
}

const NAMES = { gate: 'mlp.gate_proj', up: 'mlp.up_proj', down: 'mlp.down_proj' } as const

const swiglu = (fields: Fields): DenseBlock => {
  demandSilu(fields)
  return { name: 'swiglu_mlp', arguments: [] }
}

/** GEGLU, with the activation of a field. */
export const geglu =
  (activation: string) =>
  (fields: Fields): DenseBlock => ({ name: 'geglu_mlp', arguments: readGelu(fields, activation) ? [] : ['tanh = false'] })

/** Two projections with gelu between them; those of the block have biases. */
export const gelu =
  (activation: string) =>
  (fields: Fields): DenseBlock => {
    demandGelu(fields, activation)
    return { name: 'gelu_mlp', arguments: [], isBiased: true }
  }

export const dense =
  ({ width = 'intermediate_size', biases, block = swiglu, parameter = 'F', names = NAMES }: DenseOptions = {}): Make<Sublayer> =>
  ({ fields }) => {
    const { name, arguments: more, isBiased = false } = block(fields)
    const size = fields.count(width, `the parameter ${parameter}: the width inside a dense network`)
    const withBiases = biases?.(fields) === true
    const hasBias = isBiased || withBiases
    const weights: Weights = Object.fromEntries(
      Object.entries(names).flatMap(([path, tensor]) => [
        [`mlp.${path}`, `${tensor}.weight`],
        ...(hasBias ? [[`mlp.${path}_bias`, `${tensor}.bias`]] : []),
      ]),
    )
    const doc = parameter === 'F' ? 'Width inside a feed-forward network.' : 'Width inside a dense feed-forward network.'
    return {
      imports: { 'blocks/mlp': [name] },
      parameters: [intParameter(parameter, size, doc, 'hidden')],
      weights,
      label: 'mlp',
      namesInput: false,
      isChoice: false,
      lines: (input) => [
        `${name}(${[input, `F = ${parameter}`, ...more, ...(withBiases ? ['biases = true'] : [])].join(', ')}) as mlp`,
      ],
    }
  }
