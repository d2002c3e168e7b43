/** `overflow next`: a slot whose expert is full goes to the token's next best expert that has room. */
import { constantValue } from '../../plan/dim.ts'
import type { Node } from '../graph/node.ts'
import { options } from '../model/builtin/options.ts'
import { BUILTINS, CONSTANTS, type BuiltinName } from '../model/builtin/table.ts'
import { emitNodes } from './emit.ts'
import { filled, make, orElse, spread, type Maker } from './maker.ts'
import { positionsInExperts, type RouterScores, type Assignments } from './assignments.ts'

/** Where the slots stand after a round. */
interface Seats {
  /** i32 [T, K]: the expert that answers, -1 for none yet. */
  readonly ids: Node
  /** bool [T, E]: what the token has asked already, or may not ask. */
  readonly tried: Node
}

/** f32 [T, E]: how often each expert stands in the slots of a token. */
function counts(maker: Maker, ids: Node, { scores }: RouterScores): Node {
  const emit = emitNodes(maker.environment, maker.origin)
  return make(maker, 'sum', [BUILTINS.one_hot.expand(emit, [ids], options({ count: scores.shape[1] }))], { axis: 1 })
}

const isAbove = (maker: Maker, x: Node, value: number): Node => make(maker, 'less', [filled(maker, value, x), x], {})

/** Seats the candidates, i32 [T, K] with -1 for none, where their experts have room. */
function seat(maker: Maker, { ids, tried }: Seats, candidates: Node, asked: RouterScores, most: Node): Seats {
  const taken = make(maker, 'cast', [make(maker, 'sum', [counts(maker, ids, asked)], { axis: 0 })], { dtype: 'i32' })
  const isAsked = isAbove(maker, candidates, -1)
  const before = make(maker, 'take', [taken, orElse(maker, isAsked, candidates, 0)], {})
  const place = make(maker, 'add', [positionsInExperts(maker, candidates, asked.experts), before], {})
  const isSeated = make(maker, 'and', [isAsked, make(maker, 'less', [place, spread(maker, most, place.shape, [])], {})], {})
  return {
    ids: make(maker, 'select', [isSeated, candidates, ids], {}),
    tried: make(maker, 'or', [tried, isAbove(maker, counts(maker, candidates, asked), 0)], {}),
  }
}

/** What each slot without an expert asks for next: the token's j-th best of those not asked, for the j-th of its slots. */
function nextOf(maker: Maker, { ids, tried }: Seats, isOpen: Node | null, { scores }: RouterScores): Node {
  const use = (name: BuiltinName, operands: readonly Node[]): Node =>
    BUILTINS[name].expand(emitNodes(maker.environment, maker.origin), operands, options({}))
  const free = make(maker, 'not', [isAbove(maker, ids, -1)], {})
  const open = isOpen === null ? free : make(maker, 'and', [free, isOpen], {})
  const number = make(maker, 'cast', [open], { dtype: 'f32' })
  const before = make(maker, 'subtract', [use('cumsum', [number]), number], {})
  const untried = make(maker, 'sum', [make(maker, 'cast', [make(maker, 'not', [tried], {})], { dtype: 'f32' })], { axis: 1 })
  const ranked = make(maker, 'top_k', [orElse(maker, make(maker, 'not', [tried], {}), scores, CONSTANTS.lowest.value)], {
    k: constantValue(ids.shape[1]) ?? 1,
  })
  const candidates = make(maker, 'pick', [ranked, make(maker, 'cast', [before], { dtype: 'i32' })], {})
  const isThere = make(maker, 'and', [open, make(maker, 'less', [before, spread(maker, untried, before.shape, [0])], {})], {})
  return orElse(maker, isThere, candidates, -1)
}

/**
 * Slots ask in rounds: first for what they chose, then for the token's next best expert that none of its slots has asked. Who sits keeps the
 * place; among those who ask in one round first choices come before second ones, then lower tokens. Weights stay with their slots.
 */
export function reassignOverflow(maker: Maker, choice: Assignments, asked: RouterScores, most: Node): Assignments {
  const { selected, kept } = choice
  const slots = constantValue(selected.shape[1]) ?? 1
  const out = make(maker, 'not', [isAbove(maker, asked.scores, CONSTANTS.lowest.value)], {})
  let seats = seat(maker, { ids: filled(maker, -1, selected), tried: out }, selected, asked, most)
  // each round asks for one expert more, the first for all that were selected
  const rounds = kept === null ? asked.experts - slots : asked.experts - 1
  for (let round = 0; round < rounds; round++) seats = seat(maker, seats, nextOf(maker, seats, kept, asked), asked, most)
  const isSeated = isAbove(maker, seats.ids, -1)
  return { ...choice, selected: orElse(maker, isSeated, seats.ids, 0), kept: isSeated }
}
