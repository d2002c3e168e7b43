/** Ranges of node ids that groups span, merged where they overlap: how far up the graph a path through groups can come from. */

export interface Reach {
  /** A group with members of these ids, and any between. */
  readonly cover: (least: number, most: number) => void
  /** The least id that is joined with this one by ranges, one after the other. */
  readonly floorOf: (id: number) => number
}

/** Over ids below `count`. */
export function createReach(count: number): Reach {
  // an id points to one below it with which it is joined, or to itself
  const below = Int32Array.from({ length: count }, (_, id) => id)
  const floorOf = (id: number): number => {
    let floor = id
    while (below[floor] !== floor) floor = below[floor]
    for (let at = id; at !== floor;) [at, below[at]] = [below[at], floor]
    return floor
  }
  const cover = (least: number, most: number): void => {
    const target = floorOf(least)
    for (let at = floorOf(most); at > least; at = floorOf(at)) below[at] = at - 1 > least ? at - 1 : target
  }
  return { cover, floorOf }
}
