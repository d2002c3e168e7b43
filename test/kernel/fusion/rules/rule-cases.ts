/** Tests of a rule of fusion: a graph where it fires, and near misses with what is refused. */
import { expect, test } from 'vitest'
import { graphOf, groupsOf } from '../groups.ts'

export const X = '%0 = input name "x" : f32[6, 4]'
export const W = '%1 = weight name "w" source ["w"] doc "" : f32[4, 4]'
export const SCORES = '%2 = contract(%0, %1) batch [] over [[1, 1]] : f32[6, 4]'
export const CHOSEN = '%1 = top_k(%0) k 2 : i32[6, 2]'

export interface RuleCase {
  readonly name: string
  readonly graph: readonly string[]
  /** The groups, as `groupsOf` writes them. */
  readonly groups: readonly string[]
}

export const testRule = (rule: string, fires: readonly RuleCase[], misses: readonly RuleCase[]): void => {
  for (const { name, graph, groups } of fires)
    test(`${rule} fires: ${name}`, () => expect(groupsOf(graphOf(...graph))).toEqual(groups))
  for (const { name, graph, groups } of misses)
    test(`${rule} does not fire: ${name}`, () => expect(groupsOf(graphOf(...graph))).toEqual(groups))
}
