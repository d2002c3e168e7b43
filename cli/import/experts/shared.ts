/** Shared experts: added to the routed ones, or behind a gate of their own. */
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
