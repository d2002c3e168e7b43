/**
 * Gemma 4: a dense network and experts side by side, each with norms of its own; the router hears the residual stream without the
 * weight of a norm.
 */
import { mergedImports, type Context, type Make, type Sublayer } from '../part.ts'
import type { Norm } from '../decoder/norm.ts'
import { readGelu } from './activation.ts'
import type { Expert } from './routed.ts'

export interface BesideOptions {
  readonly dense: Make<Sublayer>
  /** Of scaled experts. */
  readonly routed: Make<Sublayer>
  readonly norm: Make<Norm>
  /** Names in a layer of the norms: before the dense network, before the experts, behind either, and of their sum. */
  readonly names: Readonly<Record<'beforeDense' | 'beforeRouted' | 'dense' | 'routed' | 'sum', string>>
}

/** GEGLU of the scaled input; the factor is the weight of the norm before the experts. */
export const scaledExpert =
  (activation: string): Make<Expert> =>
  ({ fields }) => ({
    imports: { 'experts/geglu': ['scaled_geglu'] },
    call: `scaled_geglu(factor = column_factors(D) as expert_norm, F = F${readGelu(fields, activation) ? '' : ', tanh = false'})`,
  })

export const beside =
  ({ dense, routed, norm: makeNorm, names }: BesideOptions): Make<Sublayer> =>
  (context: Context) => {
    const [norm, all, chosen] = [makeNorm(context), dense(context), routed(context)]
    const [first, ...rest] = chosen.lines('unit_rms(h, eps = eps)')
    return {
      imports: mergedImports([
        norm.imports,
        all.imports,
        chosen.imports,
        { 'blocks/norm': ['branch_norm', 'column_factors', 'unit_rms'] },
      ]),
      parameters: [...all.parameters, ...chosen.parameters, ...norm.parameters],
      weights: {
        ...norm.weights('mlp_norm', names.beforeDense),
        ...all.weights,
        ...norm.weights('moe.expert_norm', names.beforeRouted),
        ...chosen.weights,
        ...norm.weights('branches.first', names.dense),
        ...norm.weights('branches.second', names.routed),
        ...norm.weights('branches.sum', names.sum),
      },
      before: [
        ...(chosen.before ?? []),
        `let routed = ${first}`,
        ...rest,
        `let dense = ${all.lines(norm.call('h', 'mlp_norm')).join(' ')}`,
      ],
      label: 'mlp',
      hasNorms: true,
      namesInput: false,
      isChoice: false,
      lines: () => ['branch_norm(dense, routed, eps = eps) as branches'],
    }
  }
