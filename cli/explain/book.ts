/** The names that an explanation has given to the values of a policy. */
import type { Term } from '../../compiler/model/model.ts'
import type { Names } from './formula.ts'

/** Grows as steps are explained. */
export interface Book extends Names {
  /**
   * The name of a value from here on. A value keeps its first name; a name that is already used for another value, as after a
   * `var` assignment, gets a prime.
   */
  readonly name: (term: Term, wanted: string) => string
}

export function newBook(given: Iterable<readonly [Term, string]>, active: ReadonlySet<number> = new Set()): Book {
  const names = new Map<Term, string>(given)
  const taken = new Set(names.values())
  const free = (wanted: string): string => (taken.has(wanted) ? free(`${wanted}'`) : wanted)
  return {
    get: (term) => names.get(term),
    active,
    name: (term, wanted) => {
      const known = names.get(term)
      const name = free(wanted)
      taken.add(name)
      if (known === undefined) names.set(term, name)
      return name
    },
  }
}
