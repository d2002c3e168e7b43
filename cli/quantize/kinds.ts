/** What each weight of a model is to a quantiser, by what the graph does with it. */
import { isMatmul, MOVEMENTS, AXIS_MOVEMENTS, movedFrom } from '../../compiler/graph/families.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import { isOp, liveNodes } from '../../compiler/graph/walk.ts'
import type { WeightPort } from '../../plan/plan.ts'

/**
 * `experts` are matrices of routed experts, `router` what scores of experts are computed by, `head` the matrix that gives logits,
 * `matrices` those of all other linear layers. `numbers` are biases, norms, kernels of convolutions, and tables of embeddings.
 */
export type WeightKind = 'experts' | 'matrices' | 'router' | 'head' | 'numbers'

/** Weights that are a factor of a matmul and no table of embeddings. */
function matrixNames(graph: Graph): ReadonlySet<string> {
  const [factors, tables] = [new Set<string>(), new Set<string>()]
  for (const node of liveNodes(graph)) {
    if (isMatmul(node))
      for (const input of node.inputs.slice(0, 2)) {
        const from = movedFrom(input, AXIS_MOVEMENTS)
        if (isOp(from, 'weight')) factors.add(from.params.name)
      }
    if (isOp(node, 'take')) {
      const from = movedFrom(node, MOVEMENTS)
      if (isOp(from, 'weight')) tables.add(from.params.name)
    }
  }
  return new Set([...factors].filter((name) => !tables.has(name)))
}

/** The routers of `std`, the one of its mixture of attention heads, and the gate of its shared experts. */
const ROUTERS: readonly RegExp[] = [/\.router\.[^.]+$/, /\.attention\.gate$/, /\.shared\.whole$/]
const EXPERTS = /\.experts\.[^.]+$/

export interface WeightRole {
  readonly kind: WeightKind
  /** Whether it is a factor of a matmul; false for biases and factors of a router. */
  readonly isMatrix: boolean
}

function roleOf({ name, shape }: WeightPort, isMatrix: boolean): WeightRole {
  if (ROUTERS.some((pattern) => pattern.test(name))) return { kind: 'router', isMatrix }
  if (!isMatrix) return { kind: 'numbers', isMatrix }
  if (EXPERTS.test(name) || shape.length > 2) return { kind: 'experts', isMatrix }
  return { kind: name.startsWith('layers.') ? 'matrices' : 'head', isMatrix }
}

/** By the name of the weight. */
export function weightRoles(graph: Graph, ports: readonly WeightPort[]): ReadonlyMap<string, WeightRole> {
  const matrices = matrixNames(graph)
  return new Map(ports.map((port) => [port.name, roleOf(port, matrices.has(port.name))]))
}
