/**
 * Rematerialization: an activation that the gradient of the next weight reads is recomputed from its pre-activations, which are
 * stored until then in any case; through the rest of the forward and backward pass the activation itself takes no memory. As
 * SonicMoE does.
 */
import { isMatmul, movementsAbove, type Movement } from '../graph/families.ts'
import type { Graph, Node } from '../graph/node.ts'
import type { OpName } from '../graph/vocabulary.ts'
import { usersOf } from '../graph/walk.ts'
import { NONE } from '../ops/build.ts'
import type { Maker } from '../ops/maker.ts'
import { isElementwise } from '../ops/kinds.ts'
import { rebuild } from '../ops/rebuild.ts'
import { ignore, type Fired } from './rewrite.ts'

/** Matmuls of the forward pass, whose results are pre-activations. */
const isForwardMatmul = (node: Node): boolean => isMatmul(node) && node.op !== 'grouped_weight_gradient'
/** Matmuls that may be weight gradients. */
const mayBeWeightGradient = (node: Node): boolean => isMatmul(node) && node.op !== 'grouped_matmul'
/** Movements between an activation and a weight gradient that reads it. */
const CARRIERS: ReadonlySet<OpName> = new Set<Movement>(['transpose', 'reshape', 'take'])

const isPreActivation = (node: Node): boolean =>
  isForwardMatmul(node) || (node.op === 'cast_f16' && isForwardMatmul(node.inputs[0]))
/** Constants and conditions: stored or computed in place in any case. */
const isFree = (node: Node): boolean =>
  node.dtype !== 'f32' || node.op === 'constant' || (node.op === 'broadcast' && isFree(node.inputs[0]))

/** The pre-activations that an activation is an elementwise function of; none where it is computed from anything else. */
function preActivations(activation: Node): readonly Node[] {
  const seen = new Set([activation])
  const found: Node[] = []
  for (const node of seen) {
    if (isPreActivation(node)) found.push(node)
    else if (isElementwise(node)) for (const input of node.inputs) seen.add(input)
    else if (!isFree(node)) return []
  }
  return found
}

/** An operand of a weight gradient that may be recomputed. */
interface Use {
  readonly gradient: Node
  readonly at: number
  readonly carriers: readonly Node[]
  readonly activation: Node
  readonly products: readonly Node[]
}

function usesIn(nodes: readonly Node[]): readonly Use[] {
  return nodes.filter(mayBeWeightGradient).flatMap((gradient) =>
    gradient.inputs.slice(0, 2).flatMap((operand, at): readonly Use[] => {
      const carriers = movementsAbove(operand, CARRIERS)
      const activation = carriers.at(-1)?.inputs[0] ?? operand
      const products = preActivations(activation)
      return isPreActivation(activation) || products.length === 0 ? [] : [{ gradient, at, carriers, activation, products }]
    }),
  )
}

/** Bits of a number: so many uses share one walk through the graph. */
const AT_ONCE = 32

/** Node -> which of the uses have an activation that it depends on, a bit each. */
function dependenceBits(nodes: readonly Node[], uses: readonly Use[]): (node: Node) => number {
  const own = new Map<Node, number>()
  uses.forEach(({ activation }, bit) => own.set(activation, (own.get(activation) ?? 0) | (1 << bit)))
  const bits = new Int32Array(nodes.at(-1)!.id + 1)
  for (const node of nodes) for (const input of node.inputs) bits[node.id] |= bits[input.id] | (own.get(input) ?? 0)
  return (node) => bits[node.id]
}

/** Weight gradient -> which of its operands are recomputed. */
function recomputedOperands(graph: Graph): ReadonlyMap<Node, ReadonlySet<number>> {
  const users = usersOf(graph)
  const nodes = [...users.keys()]
  const uses = usesIn(nodes)
  const found = new Map<Node, Set<number>>()
  for (let first = 0; first < uses.length; first += AT_ONCE) {
    const some = uses.slice(first, first + AT_ONCE)
    const bitsOf = dependenceBits(nodes, some)
    some.forEach(({ gradient, at, carriers, activation, products }, bit) => {
      // reads something that depends on the activation
      const isLate = (user: Node): boolean =>
        user.inputs.some((input) => (bitsOf(input) & (1 << bit)) !== 0 && !carriers.includes(input))
      const others = [activation, ...carriers]
        .flatMap((node) => users.get(node)!)
        .filter((user) => user !== gradient && !carriers.includes(user))
      if (!isLate(gradient) || others.some(isLate) || !products.every((product) => users.get(product)!.some(isLate))) return
      found.set(gradient, (found.get(gradient) ?? new Set()).add(at))
    })
  }
  return found
}

// gradient(f(z), b), where b depends on f(z) and z is read after it in any case  ==>  gradient(f(optimization_barrier(z)), b)
export function rematerialize(graph: Graph, fired: Fired = ignore): Graph {
  const recomputed = recomputedOperands(graph)
  return rebuild(graph, (node, inputs, make) => {
    const operandsAt = recomputed.get(node)
    if (operandsAt !== undefined) fired('recompute-activation')
    const operands = inputs.map((input, at) => (operandsAt?.has(at) ? recompute(input, make) : input))
    return make(node.op, operands, node.params as never)
  })
}

/** An operand recomputed from barriers behind its pre-activations: movements and elementwise ops. */
function recompute(operand: Node, make: Maker): Node {
  const reached = new Set([operand])
  const isRecomputed = (node: Node): boolean => !isPreActivation(node) && (CARRIERS.has(node.op) || isElementwise(node))
  for (const node of reached)
    if (isRecomputed(node)) for (const input of CARRIERS.has(node.op) ? [node.inputs[0]] : node.inputs) reached.add(input)
  const made = new Map<Node, Node>()
  const madeOf = (node: Node): Node => made.get(node) ?? node
  for (const node of [...reached].sort((a, b) => a.id - b.id)) {
    if (isPreActivation(node)) made.set(node, make('optimization_barrier', [node], NONE))
    else if (CARRIERS.has(node.op))
      made.set(node, make(node.op, [madeOf(node.inputs[0]), ...node.inputs.slice(1)], node.params as never))
    else if (isElementwise(node)) made.set(node, make(node.op, node.inputs.map(madeOf), node.params as never))
  }
  return madeOf(operand)
}
