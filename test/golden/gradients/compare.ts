/** Gradients of a layer beside those of a file. */
import { differentiate } from '../../../compiler/autodiff/differentiate.ts'
import { gradientName } from '../../../plan/update.ts'
import type { Graph } from '../../../compiler/graph/node.ts'
import { lower } from '../../../compiler/lower/lower.ts'
import { checkSource, framed } from '../../support/check.ts'
import { weightNodes, weightsOf } from '../../support/weights.ts'
import type { Tensors } from '../case.ts'
import { sourceOf } from '../layers.ts'
import type { Run } from '../vectors.ts'
import type { GradientCase, Term } from './case.ts'

/** The forward pass, and the gradients of each term under `PREFIX/`. Throws with the frames where there are mistakes. */
export function graphOf({ name, layer, training, terms }: GradientCase): Graph {
  const { model, diagnostics } = checkSource(sourceOf(name, layer))
  if (model === null || diagnostics.length > 0) throw new Error(framed(diagnostics))
  const forward = lower(model, { training })
  const by = ['x', ...weightNodes(forward).map(({ params }) => params.name)]
  return terms.reduce((graph, term) => {
    const { outputs, ...rest } = differentiate(graph, { by, ...(term.losses === undefined ? {} : { losses: term.losses }) })
    return {
      ...rest,
      outputs: outputs.map((output) =>
        // those of earlier terms have their names
        output.role?.kind === 'gradient' && !output.name.includes('/')
          ? { ...output, name: `${term.prefix}/${output.name}` }
          : output,
      ),
    }
  }, forward)
}

/** What the inputs of the graph are called in a file. */
export const inputsOf = (graph: Graph, vectors: Tensors): Tensors =>
  Object.fromEntries(graph.inputs.map(({ params: { name } }) => [name, vectors[name]]))

/** Relative, for what is computed in f32, or was. */
export const toleranceOf = ({ rounding = 1e-4 }: GradientCase, { precision }: Run): number =>
  precision === 'f32' ? rounding : 1e-4

/** Results by output, as the reference and a device give them. */
export type Results = Readonly<Record<string, { readonly values: ArrayLike<number> }>>

export interface Miss {
  readonly tensor: string
  /**
   * ||got - expected|| / ||expected||, or ||got|| where nothing is expected; what the file has roundings of, beside the gradient
   * of x.
   */
  readonly miss: number
}

const length = (values: ArrayLike<number>): number => Math.hypot(...Array.from(values))

function missOf(got: ArrayLike<number>, expected: ArrayLike<number>, beside = length(expected)): number {
  if (got.length !== expected.length) return NaN
  const apart = length(Array.from(expected, (value, at) => got[at] - value))
  return apart / (beside || 1)
}

const part = (values: ArrayLike<number>, of: number, at: number): readonly number[] =>
  Array.from(values).slice((at * values.length) / of, ((at + 1) * values.length) / of)

/** The tensors of a term, by the names that the weights are read by. */
const gradientsIn = (vectors: Tensors, { prefix, zeros = [] }: Term): Tensors =>
  Object.fromEntries(
    Object.entries(vectors).flatMap(([name, tensor]) => {
      if (!name.startsWith(`${prefix}.`)) return []
      const weight = name.slice(prefix.length + 1)
      const gradient = zeros.includes(weight) ? { ...tensor, values: tensor.values.map(() => 0) } : tensor
      return [
        [weight, gradient],
        [`param.${weight}`, gradient],
      ]
    }),
  )

const gradientOf = ({ prefix }: Term, tensor: string): string => `${prefix}.${tensor.replace(/^param\./, '')}`

/** Names of the gradients that a layer has, as a file would call them. */
export const gradientNames = (graph: Graph, { terms }: GradientCase): readonly string[] =>
  terms.flatMap((term) => [
    gradientOf(term, 'x'),
    ...weightNodes(graph).flatMap(({ params }) => params.source.pieces.map(({ tensor }) => gradientOf(term, tensor))),
  ])

/** How far each gradient lies from the file's, a tensor of the file each; those that the file lacks are left out. */
export function missesOf(graph: Graph, { terms }: GradientCase, results: Results, vectors: Tensors): readonly Miss[] {
  return terms.flatMap((term) => {
    const { prefix } = term
    const expected = gradientsIn(vectors, term)
    const got = (name: string): ArrayLike<number> => results[`${prefix}/${gradientName(name)}`].values
    const held = weightNodes(graph).filter(({ params }) =>
      params.source.pieces.every(({ tensor }) => Object.hasOwn(expected, tensor)),
    )
    const weights = weightsOf({ ...graph, outputs: held.map((node) => ({ name: node.params.name, node, doc: '' })) }, expected)
    const ofWeights = held.flatMap(
      ({
        params: {
          name,
          source: { pieces },
        },
      }) =>
        pieces.map(({ tensor }, at) => {
          const [mine, theirs] = [part(got(name), pieces.length, at), part(weights[name].values, pieces.length, at)]
          return {
            tensor: gradientOf(term, tensor),
            miss: term.zeros?.includes(tensor) === true ? missOf(mine, theirs, length(expected.x.values)) : missOf(mine, theirs),
          }
        }),
    )
    return [{ tensor: gradientOf(term, 'x'), miss: missOf(got('x'), expected.x.values) }, ...ofWeights]
  })
}

const lossNames = (graph: Graph, { losses }: Term): readonly string[] =>
  losses ?? graph.outputs.flatMap(({ name, role }) => (role?.kind === 'loss' ? [name] : []))

/** Distance of the layer output from that of the file, measured as for gradients. */
const outputMisses = (results: Results, { y }: Tensors): readonly Miss[] =>
  y === undefined ? [] : [{ tensor: 'y', miss: missOf(results.y.values, y.values) }]

/** Distances of the layer output and the losses from those of the file; of a loss relative to the larger of its value and 1. */
export function valueMissesOf(
  graph: Graph,
  { terms, values = {} }: GradientCase,
  results: Results,
  vectors: Tensors,
): readonly Miss[] {
  const miss = (tensor: string, losses: readonly string[], expected: number): Miss => ({
    tensor,
    miss: Math.abs(losses.reduce((sum, name) => sum + results[name].values[0], 0) - expected) / Math.max(1, Math.abs(expected)),
  })
  return [
    ...outputMisses(results, vectors),
    ...terms.flatMap((term) =>
      term.value === undefined ? [] : [miss(`the value of ${term.prefix}`, lossNames(graph, term), term.value(vectors))],
    ),
    ...Object.entries(values).map(([name, of]) => miss(name, [name], of(vectors))),
  ]
}

/** What lies further away than is asked. */
export const beyond = (misses: readonly Miss[], within: number): readonly string[] =>
  misses.flatMap(({ tensor, miss }) => (miss <= within ? [] : [`${tensor} is off by ${miss}`]))
