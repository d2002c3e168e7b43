/** A feed-forward network that every token goes through. */
import type { Fields } from '../fields.ts'
import type { Make, Sublayer, Weights } from '../part.ts'
import { intParameter } from '../parameter.ts'
import { demandGelu, demandSilu, readGelu } from './activation.ts'

/** A network of `std`, and its arguments beside the width. */
export interface DenseBlock {
  /** `blocks/mlp` where it is absent. */
  readonly module?: string
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
  /** Whether there are experts beside it, whose width is the parameter `F`: then its own width stands where it counts. */
  readonly isBeside?: boolean
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
  (fields: Fields): DenseBlock => ({
    module: 'experts/geglu',
    name: 'geglu',
    arguments: readGelu(fields, activation) ? [] : ['tanh = false'],
  })

/** Two projections with gelu between them; those of the block have biases. */
export const gelu =
  (activation: string) =>
  (fields: Fields): DenseBlock => {
    demandGelu(fields, activation)
    return { name: 'gelu_mlp', arguments: [], isBiased: true }
  }

export const dense =
  ({ width = 'intermediate_size', biases, block = swiglu, isBeside = false, names = NAMES }: DenseOptions = {}): Make<Sublayer> =>
  ({ fields }) => {
    const { module = 'blocks/mlp', name, arguments: more, isBiased = false } = block(fields)
    const size = fields.count(width, `${isBeside ? '' : 'the parameter F: '}the width inside a dense network`)
    const withBiases = biases?.(fields) === true
    const hasBias = isBiased || withBiases
    const weights: Weights = Object.fromEntries(
      Object.entries(names).flatMap(([path, tensor]) => [
        [`mlp.${path}`, `${tensor}.weight`],
        ...(hasBias ? [[`mlp.${path}_bias`, `${tensor}.bias`]] : []),
      ]),
    )
    return {
      imports: { [module]: [name] },
      parameters: isBeside ? [] : [intParameter('F', size, 'Width inside a feed-forward network.', 'hidden')],
      weights,
      label: 'mlp',
      namesInput: false,
      isChoice: false,
      lines: (input) => [
        `${name}(${[input, `F = ${isBeside ? size : 'F'}`, ...more, ...(withBiases ? ['biases = true'] : [])].join(', ')}) as mlp`,
      ],
    }
  }
