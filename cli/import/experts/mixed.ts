/** Dense networks in some layers, experts in the others. */
import { chosen, layerCondition, layerFlags } from '../decoder/layers.ts'
import { mergedImports, type Context, type Make, type Sublayer } from '../part.ts'

export interface MixedOptions {
  readonly dense: Make<Sublayer>
  readonly routed: Make<Sublayer>
  /** Which layers are dense. */
  readonly isDense: (context: Context) => (i: number) => boolean
  /** Field of the width of dense layers, which says nothing where there are none. */
  readonly width?: string
}

/** One expression that is one network in some layers and the other in the rest. */
export function either(condition: string, then: Sublayer, otherwise: Sublayer, label: string): Sublayer {
  return {
    imports: mergedImports([then.imports, otherwise.imports]),
    parameters: [...then.parameters, ...otherwise.parameters],
    weights: { ...then.weights, ...otherwise.weights },
    before: [...(then.before ?? []), ...(otherwise.before ?? [])],
    label,
    namesInput: true,
    isChoice: true,
    lines: (input) => {
      const [first, ...rest] = otherwise.lines(input)
      return [chosen(condition, then.lines(input).join(' '), first), ...rest]
    },
  }
}

export const mixed =
  ({ dense, routed, isDense, width = 'intermediate_size' }: MixedOptions): Make<Sublayer> =>
  (context) => {
    const condition = layerCondition(context.fields, layerFlags(context.layers, isDense(context)))
    const experts = routed(context)
    if (condition !== false) return condition === true ? dense(context) : either(condition, dense(context), experts, 'mlp')
    context.fields.skip(width, 'nothing: no layer is dense')
    return experts
  }
