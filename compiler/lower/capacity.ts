/** Expert capacity, and expert choice. */
import { ceilDivide, multiply, type Dim } from '../../plan/dim.ts'
import type { Node } from '../graph/node.ts'
import { shareOf } from '../model/routing/capacity.ts'
import type { Limit } from '../model/model.ts'
import { sizeNode } from './emit.ts'
import { sizeIn, staticValue, type Values } from './environment.ts'
import type { Site } from './site.ts'
import { reassignOverflow } from './overflow.ts'
import { positionsInExperts, type RouterScores, type Assignments } from './assignments.ts'

export type Sizes = Pick<RouterScores, 'topK' | 'numExperts'>

const and = (site: Site, a: Node | null, b: Node): Node => (a === null ? b : site.make('and', [a, b], {}))

/** C: the most tokens that an expert takes; null where it is never fewer than there are tokens. */
export function capacity(environment: Values, limit: Limit, tokens: Dim, { topK, numExperts }: Sizes): Dim | null {
  if (limit.kind === 'tokens') return sizeIn(environment, limit.tokens)
  const share = shareOf(Number(staticValue(environment, limit.factor)), Number(topK.key), numExperts)
  return share === null ? null : ceilDivide(multiply(share.numerator, tokens), share.denominator)
}

/** How many tokens an expert takes under expert choice. */
export const expertChoiceCapacity = ({ topK, numExperts }: Sizes, tokens: Dim): Dim =>
  ceilDivide(multiply(topK, tokens), numExperts)

/** The assignments with no expert above its capacity. */
export function withCapacity(site: Site, assigned: Assignments, router: RouterScores, limit: Limit): Assignments {
  const {
    environment: { builder },
    origin,
  } = site
  const { selected, weights, mask } = assigned
  const room = capacity(site.environment, limit, selected.shape[0], router)
  if (room === null) return assigned
  const most = sizeNode(builder, room, 'i32', origin)
  const minus = site.make.broadcast(
    builder.make('constant', [], { dtype: 'i32', shape: [], values: [-1] }, origin),
    selected.shape,
    [],
  )
  const ids = mask === null ? selected : site.make('select', [mask, selected, minus], {})
  if (limit.overflow === 'next') return reassignOverflow(site, { ...assigned, selected: ids }, router, most)
  const fits = site.make('less', [positionsInExperts(site, ids, router.numExperts), site.make.broadcast(most, ids.shape, [])], {})
  const cut: Assignments = { ...assigned, mask: and(site, mask, fits) }
  if (limit.overflow === 'drop') return cut
  const lost = and(site, mask, site.make('not', [fits], {}))
  return {
    ...cut,
    spilled: site.make('sum', [site.make('multiply', [weights, site.make('cast', [lost], { dtype: 'f32' })], {})], {
      axis: 1,
    }),
  }
}

/**
 * Expert choice (Zhou et al., 2022): each expert takes the C = ceil(k * T / E) tokens with its highest scores; of equal scores
 * those with the lower index.
 */
export function chooseByExperts(site: Site, assigned: Assignments, router: RouterScores): Assignments {
  const { scores } = router
  const {
    environment: { builder },
    origin,
  } = site
  const [tokens, count] = scores.shape
  const shape = [tokens, tokens, count]
  const [own, other] = [site.make.broadcast(scores, shape, [0, 2]), site.make.broadcast(scores, shape, [1, 2])]
  const numbers = site.make('iota', [], { size: tokens })
  const isEarlier = site.make('less', [site.make.broadcast(numbers, shape, [1]), site.make.broadcast(numbers, shape, [0])], {})
  const ties = site.make('and', [site.make('equal', [own, other], {}), isEarlier], {})
  const isBefore = site.make('or', [site.make('less', [own, other], {}), ties], {})
  const rank = site.make('sum', [site.make('cast', [isBefore], { dtype: 'i32' })], { axis: 1 })
  const most = sizeNode(builder, expertChoiceCapacity(router, tokens), 'i32', origin)
  return { ...assigned, mask: and(site, assigned.mask, site.make('less', [rank, site.make.broadcast(most, rank.shape, [])], {})) }
}
