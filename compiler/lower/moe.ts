/** A mixture of experts: routing by the policy, expert outputs on the assigned tokens, and their weighted sum. */
import { multiply, type Dim } from '../../plan/dim.ts'
import type { Node } from '../graph/node.ts'
import { reachable } from '../graph/walk.ts'
import { EXPERT_ROWS, type EveryExpertTerm, type MoeTerm, type Step, type Term } from '../model/model.ts'
import { routeIn } from '../model/routing/forms.ts'
import { activeBlocks, balancedBiasOf, competitionStepsOf } from './competition.ts'
import { inner, numberIn, originIn, pathIn, sizeIn, type Environment, type RowExperts } from './environment.ts'
import { chooseByExperts, withCapacity } from './capacity.ts'
import { withoutMasked } from './masked-experts.ts'
import { siteOf, type Site } from './site.ts'
import { requirementsOf } from './requirements.ts'
import { replay } from './replay.ts'
import type { RouterScores, Assignments, RoutingDecision } from './assignments.ts'

const lowerTerm = (environment: Environment, term: Term): Node => environment.walk.term(environment, term)

const lowerSteps = (environment: Environment, steps: readonly Step[]): void => environment.walk.steps(environment, steps)

/** i32 [T * K]: the token of each row. */
function tokenOfRow(site: Site, tokens: Dim, width: Dim): Node {
  const wide = site.make.broadcast(site.make('iota', [], { size: tokens }), [tokens, width], [0])
  return site.make.reshape(wide, [multiply(tokens, width)])
}

/** Expert outputs on rows [N, D], each row by its own expert. */
function evaluateExperts({ environment }: Site, moe: MoeTerm, rows: Node, expertOfRow: RowExperts): Node {
  const { body, rows: given } = moe.experts
  const inside = inner(environment, { values: { [EXPERT_ROWS]: rows.shape[0] }, expertOfRow })
  inside.nodes.set(given, rows)
  lowerSteps(inside, body.steps)
  return lowerTerm(inside, body.result)
}

function routeTokens(site: Site, { policy, rows, rules }: MoeTerm, tokens: Node): Assignments {
  const { environment } = site
  environment.nodes.set(rows, tokens)
  if (policy.ids !== null) {
    const { given, input } = policy.ids
    const shape = given.shape.map((size) => sizeIn(environment, size))
    environment.nodes.set(
      given,
      environment.builder.make('reshape', [lowerTerm(environment, input)], { shape }, originIn(environment, given.origin)),
    )
  }
  const way = routeIn(policy, environment.active)
  lowerSteps(environment, policy.own.steps)
  lowerSteps(environment, way.steps)
  const chosen: Assignments = {
    selected: lowerTerm(environment, way.selected),
    weights: lowerTerm(environment, way.weights),
    mask: way.keep === null ? null : lowerTerm(environment, way.keep),
    spilled: null,
  }
  const router: RouterScores = {
    scores: lowerTerm(environment, way.scores),
    topK: sizeIn(environment, way.asked),
    numExperts: numberIn(environment, environment.moe!.experts.count),
  }
  const taken = withoutMasked(site, rules.expertChoice ? chooseByExperts(site, chosen, router) : chosen, router.numExperts)
  return rules.limit === null ? taken : withCapacity(site, taken, router, rules.limit)
}

/** Combine: y[t] = sum over k of weights[t, k] * output[t * K + k], over the assignments that are not dropped. */
function combine(site: Site, outputs: Node, { weights, mask }: Assignments): Node {
  const [tokens, count] = weights.shape
  const shape = [tokens, count, outputs.shape[1]]
  const scaled = site.make('multiply', [site.make.reshape(outputs, shape), site.make.broadcast(weights, shape, [0, 1])], {})
  // a row without an expert may hold any value, NaN included: a weight of 0 does not remove it
  const safe = mask === null ? scaled : site.make.where(site.make.broadcast(mask, shape, [0, 1]), scaled, 0)
  return site.make('sum', [safe], { axis: 1 })
}

/** Outputs of the selected experts on rows t * K + k, [T * K, D]. */
function evaluateSelected(site: Site, moe: MoeTerm, tokens: Node, { assigned, reported }: RoutingDecision): Node {
  const [count, k] = assigned.selected.shape
  const [expert, entry] = [reported, assigned].map(({ selected }) => site.make.reshape(selected, [multiply(count, k)]))
  const rows = site.make('take', [tokens, tokenOfRow(site, count, k)], {})
  return evaluateExperts(site, moe, rows, { expert, entry, isPartial: assigned.mask !== null })
}

/** The outputs of all experts, rows [E * T, D], where a policy or a loss reads them. */
function denseOutputsIfRead(
  { environment }: Site,
  tokens: Node,
  { selected, weights, mask }: Assignments,
  losses: readonly Node[],
): Node | null {
  const dense = environment.denseOutputs.get(tokens)
  const asks = [selected, weights, ...(mask === null ? [] : [mask]), ...losses]
  return dense !== undefined && reachable(asks).includes(dense) ? dense : null
}

/** Gathers the outputs of the selected experts from a dense evaluation, rows e * T + t. */
function gatherSelected(site: Site, dense: Node, selected: Node): Node {
  const [tokens, k] = selected.shape
  const experts = sizeIn(site.environment, site.environment.moe!.experts.count)
  const numbers = site.make.reshape(site.make('iota', [], { size: dense.shape[0] }), [experts, tokens])
  const rows = site.make('pick', [site.make('transpose', [numbers], { order: [1, 0] }), selected], {})
  return site.make('take', [dense, site.make.reshape(rows, [multiply(tokens, k)])], {})
}

/** A dropped assignment is reported with the expert -1 and the weight 0. */
function withDroppedReported(site: Site, assigned: Assignments): RoutingDecision {
  const { selected, weights, mask } = assigned
  return {
    assigned,
    reported:
      mask === null
        ? assigned
        : { ...assigned, selected: site.make.where(mask, selected, -1), weights: site.make.where(mask, weights, 0) },
  }
}

/** The sum with the outputs of the shared experts, which also get the weight of overflow. */
function addSharedExperts(site: Site, { shared }: MoeTerm, routed: Node, spilled: Node | null): Node {
  if (spilled === null) return shared.reduce((sum, one) => site.make('add', [sum, lowerTerm(site.environment, one)], {}), routed)
  const [first, ...others] = shared.map((one) => lowerTerm(site.environment, one))
  const always = others.reduce((sum, one) => site.make('add', [sum, one], {}), first)
  const times = site.make('add', [spilled, site.make.like(spilled, 1)], {})
  return site.make('add', [routed, site.make('multiply', [always, site.make.broadcast(times, always.shape, [0])], {})], {})
}

export function moeNode(outer: Environment, moe: MoeTerm): Node {
  const instance = pathIn(outer, moe.path.join('/'))
  const competitions = competitionStepsOf(outer, moe)
  const environment = inner(outer, { moe, denseOutputs: new Map(), active: activeBlocks(outer, moe, instance) })
  const site = siteOf(environment, originIn(environment, moe.origin))
  const tokens = site.make.reshape(
    lowerTerm(outer, moe.input),
    moe.rows.shape.map((size) => sizeIn(environment, size)),
  )
  const before = environment.losses.length
  const chosen = routeTokens(site, moe, tokens)
  const decision =
    environment.replayed === null ? withDroppedReported(site, chosen) : replay(site, instance, chosen, environment.replayed)
  const { assigned, reported } = decision
  const route = {
    instance,
    router: pathIn(outer, moe.policy.path.join('/')),
    experts: numberIn(environment, moe.experts.count),
    topK: numberIn(environment, moe.policy.inference.asked),
    isByExperts: moe.rules.expertChoice,
    rows: tokens,
    selected: reported.selected,
    weights: reported.weights,
    spilled: reported.spilled,
    promises: requirementsOf(environment, moe, tokens.shape[0]),
    competitions,
    balancedBias: balancedBiasOf(environment, moe),
  }
  // also where a recorded routing replaces that of the policy: a replay computes the same bits
  const dense = denseOutputsIfRead(
    site,
    tokens,
    chosen,
    environment.losses.slice(before).map(({ node }) => node),
  )
  const outputs = dense === null ? evaluateSelected(site, moe, tokens, decision) : gatherSelected(site, dense, assigned.selected)
  const routed = combine(site, outputs, dense !== null && chosen.mask === null ? { ...reported, mask: null } : reported)
  environment.routes.push({ ...route, outputs, routed })
  const all = addSharedExperts(site, moe, routed, assigned.spilled)
  return site.make.reshape(
    all,
    moe.shape.map((size) => sizeIn(environment, size)),
  )
}

/** Dense evaluation: every expert on every token, [T, E, D], computed in rows e * T + t. */
export function evaluateAllExperts(environment: Environment, term: EveryExpertTerm): Node {
  const { moe } = environment
  if (moe === null) throw new Error('all experts are evaluated outside of a moe')
  const site = siteOf(environment, originIn(environment, term.origin))
  const x = lowerTerm(environment, term.input)
  const [tokens, experts] = [x.shape[0], sizeIn(environment, moe.experts.count)]
  const rows = multiply(experts, tokens)
  const expert = site.make.reshape(site.make.broadcast(site.make('iota', [], { size: experts }), [experts, tokens], [0]), [rows])
  const repeated = site.make.reshape(site.make.broadcast(x, [experts, ...x.shape], [1, 2]), [rows, x.shape[1]])
  const outputs = evaluateExperts(site, moe, repeated, { expert, entry: expert, isPartial: false })
  environment.denseOutputs.set(x, outputs)
  const apart = site.make.reshape(outputs, [experts, tokens, outputs.shape[1]])
  return site.make('transpose', [apart], { order: [1, 0, 2] })
}
