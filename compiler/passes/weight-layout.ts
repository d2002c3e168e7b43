/** Weight layout: a weight that is only read transposed is loaded transposed. */
import { formatOf } from '../../plan/storage/formats.ts'
import { transposedName } from '../../plan/weight-path.ts'
import type { Graph, Node } from '../graph/node.ts'
import type { OpParams, WeightSource } from '../graph/vocabulary.ts'
import { usersOf, isOp } from '../graph/walk.ts'
import { rebuild } from '../ops/rebuild.ts'
import { ignore, type Fired } from './rewrite.ts'

type Weight = Extract<Node, { readonly op: 'weight' }>

/** Whether the last two axes change places and no others. */
const swapsLastTwo = (order: readonly number[]): boolean => {
  const rank = order.length
  return rank >= 2 && order.every((axis, i) => axis === (i < rank - 2 ? i : 2 * rank - 3 - i))
}

/** Pieces of a stack have one axis less; one of a single axis has nothing to swap, and blocks along an axis stay along it. */
const canSwap = ({ shape, source }: OpParams['weight']): boolean =>
  shape.length - (source.stacked ? 1 : 0) >= 2 && (source.format === undefined || formatOf(source.format).elements === 1)

const swapped = (source: WeightSource): WeightSource => ({
  ...source,
  pieces: source.pieces.map((piece) => ({ ...piece, transpose: !piece.transpose })),
})

/** transpose(weight p)  ==>  weight p^T, its pieces transposed while they are loaded. */
function transposedWeight({ params }: Weight): OpParams['weight'] {
  const [rows, columns] = params.shape.slice(-2)
  const shape = [...params.shape.slice(0, -2), columns, rows]
  return { ...params, name: transposedName(params.name), shape, source: swapped(params.source) }
}

export interface LayoutOptions {
  /** Whether other plans read or update the weights too: they keep the layout of the model then. `own` unless given. */
  readonly weights?: 'own' | 'shared'
}

/** Whether the plan of a graph shares its weights with other plans; a cache is its own. */
export const sharesWeights = ({ outputs }: Graph, { weights }: LayoutOptions): boolean =>
  weights === 'shared' || outputs.some(({ replaces, role }) => replaces !== undefined && role?.kind !== 'cache')

/** Where another user reads it untransposed, it keeps its layout: two layouts would be two copies in memory. */
export function chooseWeightLayout(graph: Graph, options: LayoutOptions = {}, fired: Fired = ignore): Graph {
  if (sharesWeights(graph, options)) return graph
  const users = usersOf(graph)
  const outputs = new Set(graph.outputs.map(({ node }) => node))
  const isReadTransposed = (weight: Node): weight is Weight =>
    isOp(weight, 'weight') &&
    canSwap(weight.params) &&
    !outputs.has(weight) &&
    users.get(weight)!.every((user) => isOp(user, 'transpose') && swapsLastTwo(user.params.order))
  return rebuild(graph, (node, inputs, make) => {
    if (isOp(node, 'transpose') && isReadTransposed(node.inputs[0])) {
      fired('transpose-weight-at-load')
      return make('weight', [], transposedWeight(node.inputs[0]))
    }
    return make(node.op, inputs, node.params as never)
  })
}
