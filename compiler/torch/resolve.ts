/** A term behind what only passes it on: a conditional whose side is known, a function that gives an argument back. */
import { tryStatic } from '../lower/environment.ts'
import { isTerm, type Term } from '../model/model.ts'
import type { Unit } from './unit.ts'

/** The side of a conditional, whose condition is known once loops are unrolled. */
export function chosen(unit: Unit, term: Term & { kind: 'conditional' }): Term {
  const condition = tryStatic(unit.values, term.condition)
  if (condition === undefined) throw new Error('a condition is not known')
  return condition === true ? term.then : term.otherwise
}

export function resolved(unit: Unit, term: Term): Term {
  if (term.kind === 'conditional') return resolved(unit, chosen(unit, term))
  if (term.kind === 'eligible') return resolved(unit, term.scores)
  if (term.kind === 'call' && term.declares === 'fn') {
    const result = resolved(unit, term.result)
    if (term.arguments.some(({ value }) => isTerm(value) && resolved(unit, value) === result)) return result
  }
  return term
}
