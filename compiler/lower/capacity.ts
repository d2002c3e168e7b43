/** Experts that answer so many tokens at most, and experts that choose their tokens. */
import { ceilDivide, multiply, type Dim } from '../../plan/dim.ts'
import type { Node } from '../graph/node.ts'
import { shareOf } from '../model/routing/capacity.ts'
import type { Limit } from '../model/model.ts'
import { sizeNode } from './emit.ts'
import { sizeIn, staticValue, type Environment } from './environment.ts'
import { make, spread, type Maker } from './maker.ts'
import { reassignOverflow } from './overflow.ts'
import { positionsInExperts, type RouterScores, type Assignments } from './assignments.ts'

export type Sizes = Pick<RouterScores, 'asked' | 'experts'>

const and = (maker: Maker, a: Node | null, b: Node): Node => (a === null ? b : make(maker, 'and', [a, b], {}))

/** C: how many tokens an expert answers at most; null where it is never fewer than there are. */
export function capacity(environment: Environment, limit: Limit, tokens: Dim, { asked, experts }: Sizes): Dim | null {
  if (limit.kind === 'tokens') return sizeIn(environment, limit.tokens)
  const share = shareOf(Number(staticValue(environment, limit.factor)), Number(asked.key), experts)
  return share === null ? null : ceilDivide(multiply(share.numerator, tokens), share.denominator)
}

/** How many tokens an expert takes where experts choose. */
export const expertChoiceCapacity = ({ asked, experts }: Sizes, tokens: Dim): Dim => ceilDivide(multiply(asked, tokens), experts)

/** The choice with no expert above its limit. */
export function withCapacity(maker: Maker, choice: Assignments, asked: RouterScores, limit: Limit): Assignments {
  const {
    environment: { builder },
    origin,
  } = maker
  const { selected, weights, kept } = choice
  const room = capacity(maker.environment, limit, selected.shape[0], asked)
  if (room === null) return choice
  const most = sizeNode(builder, room, 'i32', origin)
  const minus = spread(maker, builder.make('constant', [], { dtype: 'i32', shape: [], values: [-1] }, origin), selected.shape, [])
  const ids = kept === null ? selected : make(maker, 'select', [kept, selected, minus], {})
  if (limit.overflow === 'next') return reassignOverflow(maker, { ...choice, selected: ids }, asked, most)
  const fits = make(maker, 'less', [positionsInExperts(maker, ids, asked.experts), spread(maker, most, ids.shape, [])], {})
  const cut: Assignments = { ...choice, kept: and(maker, kept, fits) }
  if (limit.overflow === 'drop') return cut
  const lost = and(maker, kept, make(maker, 'not', [fits], {}))
  return {
    ...cut,
    spilled: make(maker, 'sum', [make(maker, 'multiply', [weights, make(maker, 'cast', [lost], { dtype: 'f32' })], {})], {
      axis: 1,
    }),
  }
}

/** Each expert takes the C = ceil(k * T / E) tokens with its highest scores; of equals those with the lower index. */
export function chooseByExperts(maker: Maker, choice: Assignments, asked: RouterScores): Assignments {
  const { scores } = asked
  const {
    environment: { builder },
    origin,
  } = maker
  const [tokens, count] = scores.shape
  const shape = [tokens, tokens, count]
  const [own, other] = [spread(maker, scores, shape, [0, 2]), spread(maker, scores, shape, [1, 2])]
  const numbers = make(maker, 'iota', [], { size: tokens })
  const isEarlier = make(maker, 'less', [spread(maker, numbers, shape, [1]), spread(maker, numbers, shape, [0])], {})
  const ties = make(maker, 'and', [make(maker, 'equal', [own, other], {}), isEarlier], {})
  const isBefore = make(maker, 'or', [make(maker, 'less', [own, other], {}), ties], {})
  const rank = make(maker, 'sum', [make(maker, 'cast', [isBefore], { dtype: 'i32' })], { axis: 1 })
  const most = sizeNode(builder, expertChoiceCapacity(asked, tokens), 'i32', origin)
  return { ...choice, kept: and(maker, choice.kept, make(maker, 'less', [rank, spread(maker, most, rank.shape, [])], {})) }
}
