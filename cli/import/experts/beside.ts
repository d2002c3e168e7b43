/** Gemma 4: a dense network and experts side by side, each with norms of its own; the experts hear the residual stream. */
import { mergedImports, type Context, type Make, type Sublayer } from '../part.ts'
import type { Norm } from '../decoder/norm.ts'
import { readGelu } from './activation.ts'
import type { Expert } from './routed.ts'

export interface BesideOptions {
  readonly dense: Make<Sublayer>
  /** Its experts have the factor `expert_factor`. */
  readonly routed: Make<Sublayer>
  readonly norm: Make<Norm>
  /** Names in a layer: norms behind either, and the weight of the norm before the experts. */
  readonly names: Readonly<Record<'dense' | 'routed' | 'before', string>>
}

const FACTOR = 'expert_factor'

/** GEGLU of the scaled input; the factor is the weight of the norm before the experts. */
export const scaledExpert =
  (activation: string): Make<Expert> =>
  ({ fields }) => ({
    imports: { 'experts/geglu': ['scaled_geglu'] },
    call: `scaled_geglu(factor = ${FACTOR}, F = F${readGelu(fields, activation) ? '' : ', tanh = false'})`,
  })

export const beside =
  ({ dense, routed, norm: makeNorm, names }: BesideOptions): Make<Sublayer> =>
  (context: Context) => {
    const [norm, all, chosen] = [makeNorm(context), dense(context), routed(context)]
    const [first, ...rest] = chosen.lines('unit_rms(h, eps = eps)')
    return {
      imports: mergedImports([norm.imports, all.imports, chosen.imports, { 'blocks/norm': ['unit_rms'] }]),
      parameters: [...all.parameters, ...chosen.parameters, ...norm.parameters],
      weights: {
        ...all.weights,
        ...norm.weights('dense_norm', names.dense),
        [FACTOR]: `${names.before}.weight`,
        ...chosen.weights,
        ...norm.weights('moe_norm', names.routed),
      },
      before: [`param ${FACTOR}: f32[D]`, ...(chosen.before ?? []), `let routed = ${first}`, ...rest],
      label: 'mlp',
      namesInput: true,
      isChoice: false,
      lines: (input) => [`${norm.call(all.lines(input).join(' '), 'dense_norm')} + ${norm.call('routed', 'moe_norm')}`],
    }
  }
