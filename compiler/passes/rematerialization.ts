/**
 * What an activation gives to the gradient of the next weight is made again from its pre-activations, which lie in memory until then in any
 * case: through the rest of the model and back, the activation itself takes none. As SonicMoE does.
 */
import type { Graph, Node } from '../graph/node.ts'
import type { OpName } from '../graph/vocabulary.ts'
import { usersOf } from '../graph/walk.ts'
import { NONE } from '../ops/build.ts'
import { recordOf } from '../ops/records.ts'
import type { Maker } from '../ops/maker.ts'
import { rebuild } from '../ops/rebuild.ts'
import { ignore, type Fired } from './rewrite.ts'

const PRODUCTS: ReadonlySet<OpName> = new Set<OpName>(['contract', 'grouped_matmul'])
const OUTER: ReadonlySet<OpName> = new Set<OpName>(['contract', 'grouped_weight_gradient'])
/** Between an activation and a product that reads it: the same elements elsewhere. */
const CARRIERS: ReadonlySet<OpName> = new Set<OpName>(['transpose', 'reshape', 'take'])

const isElementwise = ({ op }: Node): boolean => recordOf(op).kind === 'elementwise'
const isPreActivation = ({ op, inputs }: Node): boolean => PRODUCTS.has(op) || (op === 'cast_f16' && PRODUCTS.has(inputs[0].op))
/** Numbers of the spec, and what decides between values: there or made in place, whoever reads it. */
const isFree = (node: Node): boolean =>
  node.dtype !== 'f32' || node.op === 'constant' || (node.op === 'broadcast' && isFree(node.inputs[0]))

/** The products that an activation is made of, element by element; none where it is made of anything else. */
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

/** From an operand down to the activation that it carries. */
function carriersTo(operand: Node): readonly Node[] {
  return CARRIERS.has(operand.op) ? [operand, ...carriersTo(operand.inputs[0])] : []
}

/** An operand of an outer product that may be made again. */
interface Use {
  readonly outer: Node
  readonly at: number
  readonly carriers: readonly Node[]
  readonly activation: Node
  readonly products: readonly Node[]
}

function usesIn(nodes: readonly Node[]): readonly Use[] {
  return nodes
    .filter(({ op }) => OUTER.has(op))
    .flatMap((outer) =>
      outer.inputs.slice(0, 2).flatMap((operand, at): readonly Use[] => {
        const carriers = carriersTo(operand)
        const activation = carriers.at(-1)?.inputs[0] ?? operand
        const products = preActivations(activation)
        return isPreActivation(activation) || products.length === 0 ? [] : [{ outer, at, carriers, activation, products }]
      }),
    )
}

/** Bits of a number: so many uses are looked at in one way through the graph. */
const AT_ONCE = 32

/** Node -> which of the uses have an activation that leads to it, a bit each. */
function behind(nodes: readonly Node[], uses: readonly Use[]): (node: Node) => number {
  const own = new Map<Node, number>()
  uses.forEach(({ activation }, bit) => own.set(activation, (own.get(activation) ?? 0) | (1 << bit)))
  const bits = new Int32Array(nodes.at(-1)!.id + 1)
  for (const node of nodes) for (const input of node.inputs) bits[node.id] |= bits[input.id] | (own.get(input) ?? 0)
  return (node) => bits[node.id]
}

/** Outer product -> which of its operands are made again. */
function madeAgain(graph: Graph): ReadonlyMap<Node, ReadonlySet<number>> {
  const users = usersOf(graph)
  const nodes = [...users.keys()]
  const uses = usesIn(nodes)
  const found = new Map<Node, Set<number>>()
  for (let first = 0; first < uses.length; first += AT_ONCE) {
    const some = uses.slice(first, first + AT_ONCE)
    const bitsOf = behind(nodes, some)
    some.forEach(({ outer, at, carriers, activation, products }, bit) => {
      // reads something that the activation leads to
      const isLate = (user: Node): boolean =>
        user.inputs.some((input) => (bitsOf(input) & (1 << bit)) !== 0 && !carriers.includes(input))
      const others = [activation, ...carriers]
        .flatMap((node) => users.get(node)!)
        .filter((user) => user !== outer && !carriers.includes(user))
      if (!isLate(outer) || others.some(isLate) || !products.every((product) => users.get(product)!.some(isLate))) return
      found.set(outer, (found.get(outer) ?? new Set()).add(at))
    })
  }
  return found
}

// outer(f(z), b), where f(z) leads to b and z is read behind it in any case  ==>  outer(f(again(z)), b)
export function rematerialize(graph: Graph, fired: Fired = ignore): Graph {
  const again = madeAgain(graph)
  return rebuild(graph, (node, inputs, make) => {
    const recomputed = again.get(node)
    if (recomputed !== undefined) fired('recompute-activation')
    const operands = inputs.map((input, at) => (recomputed?.has(at) ? remake(input, make) : input))
    return make(node.op, operands, node.params as never)
  })
}

/** What is made again of an operand: carriers and elementwise work, down to the products. */
function remake(operand: Node, make: Maker): Node {
  const reached = new Set([operand])
  const isRemade = (node: Node): boolean => !isPreActivation(node) && (CARRIERS.has(node.op) || isElementwise(node))
  for (const node of reached)
    if (isRemade(node)) for (const input of CARRIERS.has(node.op) ? [node.inputs[0]] : node.inputs) reached.add(input)
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
