/** The residual connection of a moe: the hidden state that the sum of its experts is added to. */
import type { Node } from '../graph/node.ts'
import { reachable } from '../graph/walk.ts'
import type { Site } from './site.ts'

export interface Residual {
  /** The hidden state before the experts, [..., D]. */
  readonly before: Node
  /** What the routed experts add to it, of the same shape: without shared experts, biases and dense branches beside them. */
  readonly added: Node
}

type Users = ReadonlyMap<Node, readonly Node[]>

/** A value that is linear in the routed sum, after one more op; null where the op is not linear in it. */
function afterLinear({ make }: Site, user: Node, at: Node, added: Node): Node | null {
  const [first, second] = user.inputs
  const isBoth = first === second
  switch (user.op) {
    case 'reshape':
      return make.reshape(added, user.shape)
    case 'add':
      return isBoth ? null : added
    case 'multiply':
      return isBoth ? null : make('multiply', [added, first === at ? second : first], {})
    case 'divide':
      return isBoth || second === at ? null : make('divide', [added, second], {})
    default:
      return null
  }
}

/**
 * Follows the routed sum to the first addition to something that the moe's own input is computed from. Null where it passes an op
 * that is not linear in it on the way, or is read by several.
 */
export function residualOf(site: Site, users: Users, routed: Node, rows: Node): Residual | null {
  const earlier = new Set(reachable([rows]))
  let [at, added] = [routed, routed]
  for (;;) {
    const [user, ...others] = users.get(at) ?? []
    if (user === undefined || others.length > 0) return null
    const before = user.op === 'add' ? user.inputs.find((input) => input !== at && earlier.has(input)) : undefined
    if (before !== undefined) return { before, added }
    const next = afterLinear(site, user, at, added)
    if (next === null) return null
    ;[at, added] = [user, next]
  }
}

/**
 * 1 - cos(h, h + r) of each row, [T], with h and r [T, D]. From the part of r that is orthogonal to h, since 1 - cos loses all
 * digits where r is small: sin^2 = |r'|^2 / |h + r|^2, and 1 - cos = sin^2 / (1 + cos).
 */
export function cosineDistance({ make }: Site, h: Node, r: Node): Node {
  const dot = (a: Node, b: Node): Node => make('sum', [make('multiply', [a, b], {})], { axis: 1 })
  const after = make('add', [h, r], {})
  const share = make('divide', [dot(h, r), dot(h, h)], {})
  const along = make('multiply', [h, make.broadcast(share, h.shape, [0])], {})
  const apart = make('subtract', [r, along], {})
  const length = (a: Node): Node => make('sqrt', [dot(a, a)], {})
  const cosine = make('divide', [make('divide', [dot(h, after), length(h)], {}), length(after)], {})
  const one = make.like(cosine, 1)
  const square = make('divide', [dot(apart, apart), dot(after, after)], {})
  const small = make('divide', [square, make('add', [one, cosine], {})], {})
  return make('select', [make('less', [cosine, make.like(cosine, 0)], {}), make('subtract', [one, cosine], {}), small], {})
}
