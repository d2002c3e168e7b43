/** What experts give for the tokens that are routed to them, as a number for each token or assignment, beside the decisions. */
import type { Node, Output } from '../graph/node.ts'
import { outputName, type RoutingPart } from '../../plan/output-role.ts'
import type { Environment, RouteNodes } from './environment.ts'
import { cosineDistance, residualOf } from './residual.ts'
import { siteOf, type Site } from './site.ts'

export function routingOutput({ instance }: RouteNodes, part: RoutingPart, node: Node, doc: string): Output {
  const role = { kind: 'routing', layer: instance, part } as const
  return { name: outputName(role), role, node, doc }
}

interface ExpertOutputs {
  readonly site: Site
  /** Outputs of a token's experts, f32 [T, K, D]; of a dropped assignment it has no meaning. */
  readonly apart: Node
  /** bool [T, K] */
  readonly isAssigned: Node
}

function expertOutputs({ outputs, selected }: RouteNodes, environment: Environment): ExpertOutputs {
  const site = siteOf(environment, outputs.origin)
  const { make } = site
  const apart = make.reshape(outputs, [...selected.shape, outputs.shape[1]])
  return { site, apart, isAssigned: make('less', [make.like(selected, -1), selected], {}) }
}

/** 0 for a dropped assignment, whose row may hold any value. */
function outputNorms({ site: { make }, apart, isAssigned }: ExpertOutputs): Node {
  const squares = make('sum', [make('multiply', [apart, apart], {})], { axis: 2 })
  return make('sqrt', [make.where(isAssigned, squares, 0)], {})
}

export function normOutput(route: RouteNodes, environment: Environment): Output {
  const norms = outputNorms(expertOutputs(route, environment))
  return routingOutput(route, 'norms', norms, "The norm of each chosen expert's output.")
}

export function changeOutputs(
  route: RouteNodes,
  users: ReadonlyMap<Node, readonly Node[]>,
  environment: Environment,
): readonly Output[] {
  const site = siteOf(environment, route.routed.origin)
  const residual = residualOf(site, users, route.routed, route.rows)
  if (residual === null) return []
  const [before, added] = [residual.before, residual.added].map((node) => site.make.reshape(node, route.rows.shape))
  const node = cosineDistance(site, before, added)
  return [routingOutput(route, 'change', node, 'How far the experts turn the hidden state of each token.')]
}

/** Of n unit vectors with the sum s, |s|^2 is n and the cosines of all n (n - 1) ordered pairs. */
export function similarityOutput(route: RouteNodes, environment: Environment): Output {
  const given = expertOutputs(route, environment)
  const {
    site: { make },
    apart,
    isAssigned,
  } = given
  const norms = outputNorms(given)
  const isVector = make('less', [make.like(norms, 0), norms], {})
  const wide = (node: Node): Node => make.broadcast(node, apart.shape, [0, 1])
  const units = make.where(wide(isVector), make('divide', [apart, wide(make.where(isVector, norms, 1))], {}), 0)
  const sums = make('sum', [units], { axis: 1 })
  const squares = make('sum', [make('multiply', [sums, sums], {})], { axis: 1 })
  const count = (mask: Node): Node => make('sum', [make('cast', [mask], { dtype: 'f32' })], { axis: 1 })
  const assigned = count(isAssigned)
  const one = make.like(assigned, 1)
  const hasPairs = make('less', [one, assigned], {})
  const pairs = make('multiply', [assigned, make('subtract', [assigned, one], {})], {})
  const mean = make('divide', [make('subtract', [squares, count(isVector)], {}), make.where(hasPairs, pairs, 1)], {})
  const node = make.where(hasPairs, mean, 0)
  return routingOutput(route, 'similarity', node, "The mean cosine between the outputs of each token's experts.")
}
