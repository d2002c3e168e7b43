/** A moe: the policy's choice, each expert on the rows that chose it, and the weighted sum. */
import { multiply, type Dim } from '../../plan/dim.ts'
import type { Node } from '../graph/node.ts'
import { reachable } from '../graph/walk.ts'
import { EXPERT_ROWS, type EveryExpertTerm, type MoeTerm, type Step, type Term } from '../model/model.ts'
import { routeIn } from '../model/routing/ways.ts'
import { activeBlocks, balancedBiasOf, competitionStepsOf } from './competition.ts'
import { inner, numberIn, originIn, pathIn, sizeIn, type Environment, type RowExperts } from './environment.ts'
import { chooseByExperts, withCapacity } from './capacity.ts'
import { filled, make, orElse, reshape, spread, type Maker } from './maker.ts'
import { requirementsOf } from './requirements.ts'
import { replay } from './replay.ts'
import type { RouterScores, Assignments, RoutingDecision } from './assignments.ts'

const lowerTerm = (environment: Environment, term: Term): Node => environment.walk.term(environment, term)

const lowerSteps = (environment: Environment, steps: readonly Step[]): void => environment.walk.steps(environment, steps)

/** i32 [T * K]: the token of each row. */
function tokenOfRow(maker: Maker, tokens: Dim, width: Dim): Node {
  const wide = spread(maker, make(maker, 'iota', [], { size: tokens }), [tokens, width], [0])
  return reshape(maker, wide, [multiply(tokens, width)])
}

/** The experts' answers on rows [N, D], each from the expert its row names. */
function evaluateExperts({ environment }: Maker, moe: MoeTerm, rows: Node, expertOfRow: RowExperts): Node {
  const { body, rows: given } = moe.experts
  const inside = inner(environment, { values: { [EXPERT_ROWS]: rows.shape[0] }, expertOfRow })
  inside.nodes.set(given, rows)
  lowerSteps(inside, body.steps)
  return lowerTerm(inside, body.result)
}

function routeTokens(maker: Maker, { policy, rows, rules }: MoeTerm, tokens: Node): Assignments {
  const { environment } = maker
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
    kept: way.keep === null ? null : lowerTerm(environment, way.keep),
    spilled: null,
  }
  const asked: RouterScores = {
    scores: lowerTerm(environment, way.scores),
    asked: sizeIn(environment, way.asked),
    experts: numberIn(environment, environment.moe!.experts.count),
  }
  const taken = rules.expertChoice ? chooseByExperts(maker, chosen, asked) : chosen
  return rules.limit === null ? taken : withCapacity(maker, taken, asked, rules.limit)
}

/** y[t] = sum over k of weights[t, k] * answer[t * K + k], over the slots that are kept. */
function combine(maker: Maker, answered: Node, { weights, kept }: Assignments): Node {
  const [tokens, count] = weights.shape
  const shape = [tokens, count, answered.shape[1]]
  const scaled = make(maker, 'multiply', [reshape(maker, answered, shape), spread(maker, weights, shape, [0, 1])], {})
  // a row without an expert may hold anything, which no weight of 0 undoes
  const safe = kept === null ? scaled : orElse(maker, spread(maker, kept, shape, [0, 1]), scaled, 0)
  return make(maker, 'sum', [safe], { axis: 1 })
}

/** The answers on rows t * K + k, [T * K, D]. */
function evaluateSelected(maker: Maker, moe: MoeTerm, tokens: Node, { choice, told }: RoutingDecision): Node {
  const [count, k] = choice.selected.shape
  const [expert, entry] = [told, choice].map(({ selected }) => reshape(maker, selected, [multiply(count, k)]))
  const rows = make(maker, 'take', [tokens, tokenOfRow(maker, count, k)], {})
  return evaluateExperts(maker, moe, rows, { expert, entry, isPartial: choice.kept !== null })
}

/** Rows [E * T, D] of all experts, where a policy or a loss asks for them. */
function denseOutputsIfRead(
  { environment }: Maker,
  tokens: Node,
  { selected, weights, kept }: Assignments,
  losses: readonly Node[],
): Node | null {
  const everyone = environment.denseOutputs.get(tokens)
  const asks = [selected, weights, ...(kept === null ? [] : [kept]), ...losses]
  return everyone !== undefined && reachable(asks).includes(everyone) ? everyone : null
}

/** Where every expert has answered already, rows e * T + t: those of the chosen ones. */
function gatherSelected(maker: Maker, everyone: Node, selected: Node): Node {
  const [tokens, k] = selected.shape
  const experts = sizeIn(maker.environment, maker.environment.moe!.experts.count)
  const numbers = reshape(maker, make(maker, 'iota', [], { size: everyone.shape[0] }), [experts, tokens])
  const rows = make(maker, 'pick', [make(maker, 'transpose', [numbers], { order: [1, 0] }), selected], {})
  return make(maker, 'take', [everyone, reshape(maker, rows, [multiply(tokens, k)])], {})
}

/** Dropped slots name no expert and weigh nothing. */
function withDroppedReported(maker: Maker, choice: Assignments): RoutingDecision {
  const { selected, weights, kept } = choice
  return {
    choice,
    told:
      kept === null
        ? choice
        : { ...choice, selected: orElse(maker, kept, selected, -1), weights: orElse(maker, kept, weights, 0) },
  }
}

/** The sum with the shared experts, which answer once for themselves and once more for what was passed on to them. */
function addSharedExperts(maker: Maker, { shared }: MoeTerm, routed: Node, spilled: Node | null): Node {
  if (spilled === null)
    return shared.reduce((sum, one) => make(maker, 'add', [sum, lowerTerm(maker.environment, one)], {}), routed)
  const [first, ...others] = shared.map((one) => lowerTerm(maker.environment, one))
  const always = others.reduce((sum, one) => make(maker, 'add', [sum, one], {}), first)
  const times = make(maker, 'add', [spilled, filled(maker, 1, spilled)], {})
  return make(maker, 'add', [routed, make(maker, 'multiply', [always, spread(maker, times, always.shape, [0])], {})], {})
}

export function moeNode(outer: Environment, moe: MoeTerm): Node {
  const instance = pathIn(outer, moe.path.join('/'))
  const competitions = competitionStepsOf(outer, moe)
  const environment = inner(outer, { moe, denseOutputs: new Map(), active: activeBlocks(outer, moe, instance) })
  const maker: Maker = { environment, origin: originIn(environment, moe.origin) }
  const tokens = reshape(
    maker,
    lowerTerm(outer, moe.input),
    moe.rows.shape.map((size) => sizeIn(environment, size)),
  )
  const before = environment.losses.length
  const chosen = routeTokens(maker, moe, tokens)
  const decision =
    environment.replayed === null ? withDroppedReported(maker, chosen) : replay(maker, instance, chosen, environment.replayed)
  const { choice, told } = decision
  environment.routes.push({
    instance,
    router: pathIn(outer, moe.policy.path.join('/')),
    experts: numberIn(environment, moe.experts.count),
    rows: tokens,
    selected: told.selected,
    weights: told.weights,
    spilled: told.spilled,
    promises: requirementsOf(environment, moe, tokens.shape[0]),
    competitions,
    balancedBias: balancedBiasOf(environment, moe),
  })
  // also where the policy's choice is not used: what is replayed is computed as it was recorded, bit for bit
  const everyone = denseOutputsIfRead(
    maker,
    tokens,
    chosen,
    environment.losses.slice(before).map(({ node }) => node),
  )
  const answered =
    everyone === null ? evaluateSelected(maker, moe, tokens, decision) : gatherSelected(maker, everyone, choice.selected)
  const routed = combine(maker, answered, everyone !== null && chosen.kept === null ? { ...told, kept: null } : told)
  const all = addSharedExperts(maker, moe, routed, choice.spilled)
  return reshape(
    maker,
    all,
    moe.shape.map((size) => sizeIn(environment, size)),
  )
}

/** Every expert on every token, [T, E, D]: rows e * T + t. */
export function evaluateAllExperts(environment: Environment, term: EveryExpertTerm): Node {
  const { moe } = environment
  if (moe === null) throw new Error('experts are asked outside of a moe')
  const maker: Maker = { environment, origin: originIn(environment, term.origin) }
  const x = lowerTerm(environment, term.input)
  const [tokens, experts] = [x.shape[0], sizeIn(environment, moe.experts.count)]
  const rows = multiply(experts, tokens)
  const expert = reshape(maker, spread(maker, make(maker, 'iota', [], { size: experts }), [experts, tokens], [0]), [rows])
  const repeated = reshape(maker, spread(maker, x, [experts, ...x.shape], [1, 2]), [rows, x.shape[1]])
  const answered = evaluateExperts(maker, moe, repeated, { expert, entry: expert, isPartial: false })
  environment.denseOutputs.set(x, answered)
  const apart = reshape(maker, answered, [experts, tokens, answered.shape[1]])
  return make(maker, 'transpose', [apart], { order: [1, 0, 2] })
}
