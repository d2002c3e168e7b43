/** `overflow next`: an assignment whose expert is full goes to the token's next best expert with free capacity. */
import { constantValue } from '../../plan/dim.ts'
import type { Node } from '../graph/node.ts'
import { options } from '../model/builtin/options.ts'
import { BUILTINS, CONSTANTS, type BuiltinName } from '../model/builtin/table.ts'
import { emitNodes } from './emit.ts'
import type { Site } from './site.ts'
import { positionsInExperts, type RouterScores, type Assignments } from './assignments.ts'

/** The state after a round. */
interface Reassignment {
  /** i32 [T, K]: the expert, -1 for none yet. */
  readonly ids: Node
  /** bool [T, E]: experts that the token has tried, or may not use. */
  readonly tried: Node
}

/** f32 [T, E]: how often each expert occurs in the assignments of a token. */
function counts(site: Site, ids: Node, { scores }: RouterScores): Node {
  const emit = emitNodes(site.environment, site.origin)
  return site.make('sum', [BUILTINS.one_hot.expand(emit, [ids], options({ count: scores.shape[1] }))], { axis: 1 })
}

const isAbove = (site: Site, x: Node, value: number): Node => site.make('less', [site.make.like(x, value), x], {})

/** Assigns the candidates, i32 [T, K] with -1 for none, whose experts have free capacity. */
function assignFree(site: Site, { ids, tried }: Reassignment, candidates: Node, router: RouterScores, most: Node): Reassignment {
  const taken = site.make('cast', [site.make('sum', [counts(site, ids, router)], { axis: 0 })], { dtype: 'i32' })
  const isCandidate = isAbove(site, candidates, -1)
  const before = site.make('take', [taken, site.make.where(isCandidate, candidates, 0)], {})
  const place = site.make('add', [positionsInExperts(site, candidates, router.numExperts), before], {})
  const isAssigned = site.make(
    'and',
    [isCandidate, site.make('less', [place, site.make.broadcast(most, place.shape, [])], {})],
    {},
  )
  return {
    ids: site.make('select', [isAssigned, candidates, ids], {}),
    tried: site.make('or', [tried, isAbove(site, counts(site, candidates, router), 0)], {}),
  }
}

/** The next candidate of each assignment without an expert: for the j-th one of a token, its j-th best untried expert. */
function nextCandidates(site: Site, { ids, tried }: Reassignment, isOpen: Node | null, { scores }: RouterScores): Node {
  const use = (name: BuiltinName, operands: readonly Node[]): Node =>
    BUILTINS[name].expand(emitNodes(site.environment, site.origin), operands, options({}))
  const free = site.make('not', [isAbove(site, ids, -1)], {})
  const open = isOpen === null ? free : site.make('and', [free, isOpen], {})
  const number = site.make('cast', [open], { dtype: 'f32' })
  const before = site.make('subtract', [use('cumsum', [number]), number], {})
  const untried = site.make('sum', [site.make('cast', [site.make('not', [tried], {})], { dtype: 'f32' })], { axis: 1 })
  const ranked = site.make('top_k', [site.make.where(site.make('not', [tried], {}), scores, CONSTANTS.lowest.value)], {
    k: constantValue(ids.shape[1]) ?? 1,
  })
  const candidates = site.make('pick', [ranked, site.make('cast', [before], { dtype: 'i32' })], {})
  const isThere = site.make('and', [open, site.make('less', [before, site.make.broadcast(untried, before.shape, [0])], {})], {})
  return site.make.where(isThere, candidates, -1)
}

/**
 * Reassigns overflow in rounds: in the first each assignment tries its selected expert, then the token's next best expert that it
 * has not tried. An assignment that has an expert keeps it; within a round first choices come before second ones, then lower
 * tokens. Weights stay with their assignments.
 */
export function reassignOverflow(site: Site, assigned: Assignments, router: RouterScores, most: Node): Assignments {
  const { selected, mask } = assigned
  const topK = constantValue(selected.shape[1]) ?? 1
  const out = site.make('not', [isAbove(site, router.scores, CONSTANTS.lowest.value)], {})
  let state = assignFree(site, { ids: site.make.like(selected, -1), tried: out }, selected, router, most)
  // each round tries one more expert; the first tries all selected ones
  const rounds = mask === null ? router.numExperts - topK : router.numExperts - 1
  for (let round = 0; round < rounds; round++)
    state = assignFree(site, state, nextCandidates(site, state, mask, router), router, most)
  const isAssigned = isAbove(site, state.ids, -1)
  return { ...assigned, selected: site.make.where(isAssigned, state.ids, 0), mask: isAssigned }
}
