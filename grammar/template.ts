/** Lists in the name of a tensor: `{q,k}_proj` stands for `q_proj` and `k_proj`. An index, `{i}`, has no comma. */

const LIST = /\{([^{}]*,[^{}]*)\}/g

const split = (list: string): readonly string[] => list.split(',').map((one) => one.trim())

/** The alternatives of each list. */
export const listsOf = (template: string): readonly (readonly string[])[] =>
  [...template.matchAll(LIST)].map(([, list]) => split(list!))

/** The template with the alternative at a place of each list. */
export const withAlternative = (template: string, at: number): string =>
  template.replace(LIST, (_, list: string) => split(list)[at] ?? '')

/** Every name that a template stands for; itself where it has no list. */
export function alternatives(template: string): readonly string[] {
  const [first] = listsOf(template)
  return first === undefined ? [template] : first.map((_, at) => withAlternative(template, at))
}
