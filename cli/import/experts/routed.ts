/** A feed-forward network of experts, of which a router chooses some for each token. */
import type { Fields } from '../fields.ts'
import type { ExpertNames } from '../names/experts.ts'
import { mergedImports, type Context, type Imports, type Make, type Sublayer, type Weights } from '../part.ts'
import type { MakeRouter } from '../routers/router.ts'
import { intParameter, type ParameterText } from '../parameter.ts'
import { demandSilu } from './activation.ts'

/** Experts that every token goes through, beside the chosen ones. */
export interface Shared {
  readonly imports: Imports
  readonly parameters: readonly ParameterText[]
  /** The clause of the layer. */
  readonly clause: string
  /** Path below the layer's experts, `shared.gate`, -> name in a layer. */
  readonly weights: Weights
}

/** The network of an expert; `F` is its width. */
export interface Expert {
  readonly imports: Imports
  readonly call: string
}

const swiglu: Expert = { imports: { 'experts/swiglu': ['swiglu'] }, call: 'swiglu(F = F)' }

export interface RoutedOptions {
  /** Field of the number of experts. */
  readonly count?: string
  /** Field of how many a token has. */
  readonly perToken?: string
  /** Field of the width of an expert. */
  readonly width: string
  /** Names of the tensors; a function where they depend on how weights are quantised. */
  readonly names: ExpertNames | Make<ExpertNames>
  readonly router: MakeRouter
  /** SwiGLU where it is absent. */
  readonly expert?: Make<Expert>
  /** Field of the activation. */
  readonly activation?: string
  /** Name in a layer of a bias that is added once, after the sum. */
  readonly bias?: string
  readonly shared?: Make<Shared | null>
}

function readCounts(fields: Fields, countName: string, perTokenName: string): readonly [number, number] {
  const count = fields.count(countName, 'the parameter E')
  const perToken = fields.count(perTokenName, 'the parameter k')
  const law = `'${perTokenName}' (${perToken}) is more than '${countName}' (${count})`
  fields.demand(perToken <= count, [countName, perTokenName], law)
  return [count, perToken]
}

const under = (path: string, weights: Weights): Weights =>
  Object.fromEntries(Object.entries(weights).map(([name, source]) => [`${path}.${name}`, source]))

export const routed =
  (options: RoutedOptions): Make<Sublayer> =>
  (context: Context) => {
    const { count = 'num_experts', perToken = 'num_experts_per_tok', width, names, router, shared, bias } = options
    const { fields, layout } = context
    const expert = options.expert?.(context) ?? swiglu
    if (options.expert === undefined) demandSilu(fields, options.activation)
    const size = fields.count(width, 'the parameter F: the width inside an expert')
    const [numExperts, topK] = readCounts(fields, count, perToken)
    const route = router(fields, layout, { numExperts, topK })
    const beside = shared?.(context) ?? null
    return {
      imports: mergedImports([expert.imports, route.imports, beside?.imports ?? {}]),
      parameters: [
        intParameter('F', size, 'Width inside a feed-forward network.', 'hidden'),
        intParameter('E', numExperts, 'Experts in a layer.', 'experts'),
        intParameter('k', topK, 'Experts that answer for a token.', 'experts', '1..E'),
        ...(beside?.parameters ?? []),
      ],
      weights: {
        ...under('moe.router', route.weights),
        ...under('moe', (typeof names === 'function' ? names(context) : names)[layout]),
        ...under('moe', beside?.weights ?? {}),
        ...(bias === undefined ? {} : { moe_bias: bias }),
      },
      before: bias === undefined ? [] : ['param moe_bias: f32[D]'],
      label: 'moe',
      namesInput: false,
      isChoice: false,
      lines: (input) => [
        `moe(${input}) {`,
        `  experts E of ${expert.call}`,
        ...(beside === null ? [] : [`  ${beside.clause}`]),
        `  route ${route.call}`,
        '  require dropless',
        bias === undefined ? '}' : '} + moe_bias',
      ],
    }
  }
