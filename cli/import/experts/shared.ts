/** Shared experts: added to the routed ones, or behind a gate of their own. */
import type { Fields } from '../fields.ts'
import type { Make, Weights } from '../part.ts'
import { intParameter, type ParameterText } from '../parameter.ts'
import type { Shared } from './routed.ts'

const widthParameter = (value: number): ParameterText => intParameter('FS', value, 'Width inside the shared expert.', 'hidden')

const projections = (prefix: string): Weights => ({
  'shared.gate': `${prefix}.gate_proj.weight`,
  'shared.up': `${prefix}.up_proj.weight`,
  'shared.down': `${prefix}.down_proj.weight`,
})

/** The shared expert of Qwen: its output is multiplied by a sigmoid gate of the token. */
export const gatedShared =
  (width: string): Make<Shared | null> =>
  ({ fields }) => ({
    imports: { 'experts/gated_swiglu': ['gated_swiglu'] },
    parameters: [widthParameter(fields.count(width, 'the parameter FS: the width inside the shared expert'))],
    clause: 'shared 1 of gated_swiglu(F = FS)',
    weights: { ...projections('mlp.shared_expert'), 'shared.whole': 'mlp.shared_expert_gate.weight' },
  })

export interface SharedOptions {
  /** The width, from the config; null for no shared expert. */
  readonly width: (fields: Fields) => number | null
  /** Names in a layer, without `_proj.weight`. */
  readonly prefix: string
}

/** A shared expert without a gate. */
export const plainShared =
  ({ width, prefix }: SharedOptions): Make<Shared | null> =>
  ({ fields }) => {
    const size = width(fields)
    if (size === null) return null
    return {
      imports: { 'experts/swiglu': ['swiglu'] },
      parameters: [widthParameter(size)],
      clause: 'shared 1 of swiglu(F = FS)',
      weights: projections(prefix),
    }
  }

/** Several shared experts of the width of a routed one, stored as one of their width together. */
export const sharedTimes =
  (count: string, width = 'moe_intermediate_size') =>
  (fields: Fields): number | null => {
    const number = fields.whole(count, `the parameter FS: so many times '${width}'`)
    if (number === 0) return null
    const product = number * fields.count(width, '')
    if (Number.isSafeInteger(product)) return product
    fields.refuseValue(count, `so many times '${width}' is beyond what a spec may have`)
    return 1
  }

/** A shared expert whose gate and up projections are the rows of one tensor. */
export const graniteShared: Make<Shared | null> = ({ fields }) => {
  const size = fields.whole('shared_intermediate_size', 'the parameter FS: the width inside the shared expert; 0 for none')
  if (size === 0) return null
  return {
    imports: { 'experts/swiglu': ['swiglu'] },
    parameters: [widthParameter(size)],
    clause: 'shared 1 of swiglu(F = FS)',
    weights: {
      'shared.gate': 'shared_mlp.input_linear.weight[0:FS]',
      'shared.up': 'shared_mlp.input_linear.weight[FS:2 * FS]',
      'shared.down': 'shared_mlp.output_linear.weight',
    },
  }
}
