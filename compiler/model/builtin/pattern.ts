/** Patterns of axis names: `b s (h c)`, `... c`. */

export interface AxisName {
  readonly name: string
  readonly start: number
  readonly end: number
}

/** Axes in order; the names joined in brackets stand in one group. */
export type AxisGroups = readonly (readonly AxisName[])[]

export interface PatternProblem {
  readonly message: string
  readonly at: readonly [number, number]
}

/** What a pattern may contain besides names. */
export interface Signs {
  /** The number of axes that `...` stands for; null where it is not allowed. */
  readonly any: number | null
  /** Whether `1` is an axis of size 1: a group of none. */
  readonly single: boolean
}

export const NO_SIGNS: Signs = { any: null, single: false }

/** Reads one side of a pattern that begins at `offset`. */
export function readAxes(
  text: string,
  offset: number,
  { any, single }: Signs = NO_SIGNS,
): { groups: AxisGroups; problem: PatternProblem | null } {
  const groups: AxisName[][] = []
  let open: AxisName[] | null = null
  for (const match of text.matchAll(/[A-Za-z_]\w*|\.\.\.|1|\S/g)) {
    const [word, start] = [match[0], offset + match.index]
    const axis = { name: word, start, end: start + word.length }
    if (word === '(' && open === null) groups.push((open = []))
    else if (word === ')' && open !== null) open = null
    else if (word === '...' && any !== null) {
      const axes = Array.from({ length: any }, (_, i) => ({ ...axis, name: `...${i}` }))
      if (open === null) groups.push(...axes.map((one) => [one]))
      else open.push(...axes)
    } else if (word === '1' && single && open === null) groups.push([])
    else if (/^[A-Za-z_]/.test(word)) {
      if (open === null) groups.push([axis])
      else open.push(axis)
    } else return { groups, problem: { message: `'${word}' is not a valid axis name`, at: [start, axis.end] } }
  }
  return { groups, problem: open === null ? null : { message: "a '(' is not closed", at: [offset, offset + text.length] } }
}

/** The offset of the arrow, or a problem. */
export function splitArrow(pattern: string): { left: string; right: string; rightAt: number } | PatternProblem {
  const at = pattern.indexOf('->')
  if (at < 0 || pattern.indexOf('->', at + 1) >= 0) return { message: "a pattern has one '->'", at: [0, pattern.length] }
  return { left: pattern.slice(0, at), right: pattern.slice(at + 2), rightAt: at + 2 }
}

/** A name that occurs twice. */
export const repeated = (axes: readonly AxisName[]): AxisName | undefined =>
  axes.find((axis, i) => axes.findIndex((other) => other.name === axis.name) < i)
