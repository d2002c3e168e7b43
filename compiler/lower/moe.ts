/** A moe: the policy's choice, each expert on the rows that chose it, and the weighted sum. */
import { multiply, type Dim } from '../../plan/dim.ts'
import type { Node, Origin } from '../graph/node.ts'
import { EXPERT_ROWS, type EveryExpertTerm, type MoeTerm, type Step, type Term } from '../model/model.ts'
import { sameShape } from './emit.ts'
import { inner, numberIn, originIn, pathIn, sizeIn, type Environment } from './environment.ts'

const lowerTerm = (environment: Environment, term: Term): Node => environment.walk.term(environment, term)

const lowerSteps = (environment: Environment, steps: readonly Step[]): void => environment.walk.steps(environment, steps)

interface Maker {
  readonly environment: Environment
  readonly origin: Origin
}

const reshape = ({ environment, origin }: Maker, x: Node, shape: readonly Dim[]): Node =>
  sameShape(x.shape, shape) ? x : environment.builder.make('reshape', [x], { shape }, origin)

const add = ({ environment, origin }: Maker, x: Node, y: Node): Node => environment.builder.make('add', [x, y], {}, origin)

/** i32 [T * K]: the token of each row. */
function tokenOfRow({ environment: { builder }, origin }: Maker, tokens: Dim, width: Dim): Node {
  const iota = builder.make('iota', [], { size: tokens }, origin)
  const wide = builder.make('broadcast', [iota], { shape: [tokens, width], axes: [0] }, origin)
  return builder.make('reshape', [wide], { shape: [multiply(tokens, width)] }, origin)
}

/** The experts' answers on rows [N, D], each from the expert its row names. */
function answers({ environment }: Maker, moe: MoeTerm, rows: Node, expertOfRow: Node): Node {
  const { body, rows: given } = moe.experts
  const inside = inner(environment, { values: { [EXPERT_ROWS]: rows.shape[0] }, expertOfRow })
  inside.nodes.set(given, rows)
  lowerSteps(inside, body.steps)
  return lowerTerm(inside, body.result)
}

/** i32 [T, K] and f32 [T, K]. */
function route(environment: Environment, { policy, rows }: MoeTerm, tokens: Node): { readonly selected: Node; readonly weights: Node } {
  environment.nodes.set(rows, tokens)
  if (policy.ids !== null) {
    const { given, input } = policy.ids
    const shape = given.shape.map((size) => sizeIn(environment, size))
    environment.nodes.set(given, environment.builder.make('reshape', [lowerTerm(environment, input)], { shape }, originIn(environment, given.origin)))
  }
  lowerSteps(environment, policy.steps)
  lowerSteps(environment, policy.inference.steps)
  return { selected: lowerTerm(environment, policy.inference.selected), weights: lowerTerm(environment, policy.inference.weights) }
}

/** y[t] = sum over k of weights[t, k] * answer[t * K + k]. */
function combine(maker: Maker, answered: Node, weights: Node): Node {
  const { environment: { builder }, origin } = maker
  const [tokens, count] = weights.shape
  const shape = [tokens, count, answered.shape[1]]
  const apart = builder.make('reshape', [answered], { shape }, origin)
  const scale = builder.make('broadcast', [weights], { shape, axes: [0, 1] }, origin)
  return builder.make('sum', [builder.make('multiply', [apart, scale], {}, origin)], { axis: 1 }, origin)
}

export function moeNode(outer: Environment, moe: MoeTerm): Node {
  const environment = inner(outer, { moe })
  const maker: Maker = { environment, origin: originIn(environment, moe.origin) }
  const { builder } = environment
  const tokens = reshape(maker, lowerTerm(outer, moe.input), moe.rows.shape.map((size) => sizeIn(environment, size)))
  const { selected, weights } = route(environment, moe, tokens)
  environment.routes.push({ instance: pathIn(environment, moe.path.join('/')), experts: numberIn(environment, moe.experts.count), rows: tokens, selected, weights })
  const [count, k] = selected.shape
  const expertOfRow = reshape(maker, selected, [multiply(count, k)])
  const rows = builder.make('take', [tokens, tokenOfRow(maker, count, k)], {}, maker.origin)
  const routed = combine(maker, answers(maker, moe, rows, expertOfRow), weights)
  const all = moe.shared.reduce((sum, shared) => add(maker, sum, lowerTerm(environment, shared)), routed)
  return reshape(maker, all, moe.shape.map((size) => sizeIn(environment, size)))
}

/** Every expert on every token: rows t * E + e. */
export function everyExpert(environment: Environment, term: EveryExpertTerm): Node {
  const { moe, builder } = environment
  if (moe === null) throw new Error('experts are asked outside of a moe')
  const maker: Maker = { environment, origin: originIn(environment, term.origin) }
  const x = lowerTerm(environment, term.input)
  const [tokens, experts] = [x.shape[0], sizeIn(environment, moe.experts.count)]
  const ids = builder.make('iota', [], { size: experts }, maker.origin)
  const wide = builder.make('broadcast', [ids], { shape: [tokens, experts], axes: [1] }, maker.origin)
  const expertOfRow = reshape(maker, wide, [multiply(tokens, experts)])
  const rows = builder.make('take', [x, tokenOfRow(maker, tokens, experts)], {}, maker.origin)
  const answered = answers(maker, moe, rows, expertOfRow)
  return builder.make('reshape', [answered], { shape: [tokens, experts, answered.shape[1]] }, maker.origin)
}
