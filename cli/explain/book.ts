/** The names under which an explanation has told the values of a policy so far. */
import type { Term } from '../../compiler/model/model.ts'
import type { Names } from './formula.ts'

/** Grows as steps are told. */
export interface Book extends Names {
  /**
   * The name under which a value is told from here on. A value keeps its first name; a name that stood for another value, as that of a `var`
   * that is given anew, is told with a prime.
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
