/**
 * What an activation gives to the gradient of the next weight is made again from its pre-activations, which lie in memory until then in any
 * case: through the rest of the model and back, the activation itself takes none. As SonicMoE does.
 */
import type { Graph, Node } from '../graph/node.ts'
import type { OpName } from '../graph/vocabulary.ts'
import { dependants } from '../graph/walk.ts'
import { NONE } from '../ops/build.ts'
import { recordOf } from '../ops/records.ts'
import { rebuild, type Make } from './rewrite.ts'

const PRODUCTS: ReadonlySet<OpName> = new Set<OpName>(['contract', 'routed_matmul'])
const OUTER: ReadonlySet<OpName> = new Set<OpName>(['contract', 'routed_outer'])
/** Between an activation and a product that reads it: the same elements elsewhere. */
const CARRIERS: ReadonlySet<OpName> = new Set<OpName>(['transpose', 'reshape', 'take'])

const isElementwise = ({ op }: Node): boolean => recordOf(op).kind === 'elementwise'
const isPreActivation = ({ op, inputs }: Node): boolean => PRODUCTS.has(op) || (op === 'half' && PRODUCTS.has(inputs[0].op))
/** Numbers of the spec, and what decides between values: there or made in place, whoever reads it. */
const isFree = (node: Node): boolean => node.dtype !== 'f32' || node.op === 'constant' || (node.op === 'broadcast' && isFree(node.inputs[0]))

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

// outer(f(z), b), where f(z) leads to b and z is read behind it in any case  ==>  outer(f(again(z)), b)
export function rematerialise(graph: Graph): Graph {
  const users = dependants(graph)
  const following = new Map<Node, ReadonlySet<Node>>()
  const after = (node: Node): ReadonlySet<Node> => {
    const known = following.get(node)
    if (known !== undefined) return known
    const found = new Set(users.get(node))
    for (const each of found) for (const user of users.get(each)!) found.add(user)
    following.set(node, found)
    return found
  }
  const isMadeAgain = (operand: Node, outer: Node): boolean => {
    const carriers = carriersTo(operand)
    const activation = carriers.at(-1)?.inputs[0] ?? operand
    const products = preActivations(activation)
    if (isPreActivation(activation) || products.length === 0) return false
    const behind = after(activation)
    // reads something that the activation leads to
    const isLate = (user: Node): boolean => user.inputs.some((input) => behind.has(input) && !carriers.includes(input))
    const others = [activation, ...carriers].flatMap((node) => users.get(node)!).filter((user) => user !== outer && !carriers.includes(user))
    return isLate(outer) && !others.some(isLate) && products.every((product) => users.get(product)!.some(isLate))
  }
  return rebuild(graph, (node, inputs, make) => {
    const isRemade = (at: number): boolean => at < 2 && OUTER.has(node.op) && isMadeAgain(node.inputs[at], node)
    return make(node.op, inputs.map((input, at) => (isRemade(at) ? remake(input, make) : input)), node.params as never)
  })
}

function remake(operand: Node, make: Make): Node {
  const made = new Map<Node, Node>()
  const visit = (node: Node): Node => {
    const known = made.get(node)
    if (known !== undefined) return known
    const again = visitNew(node)
    made.set(node, again)
    return again
  }
  const visitNew = (node: Node): Node => {
    if (isPreActivation(node)) return make('again', [node], NONE)
    if (CARRIERS.has(node.op)) return make(node.op, [visit(node.inputs[0]), ...node.inputs.slice(1)], node.params as never)
    return isElementwise(node) ? make(node.op, node.inputs.map(visit), node.params as never) : node
  }
  return visit(operand)
}
