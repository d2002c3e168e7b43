/** Suggestions for an import that is not found, and for an undefined name that another file declares. */
import { parse } from '../../../grammar/parse.ts'
import type { Source } from '../../../grammar/source.ts'
import { closest } from '../../../grammar/suggest.ts'
import type { Load } from './load.ts'

const lastOf = (path: string): string => path.split('/').at(-1)!

/** The path that a misspelled one was probably meant for: one that ends in the same name before others. */
export function nearestPath(wanted: string, paths: readonly string[]): string | null {
  const name = lastOf(wanted.replace(/\.smoe$/, ''))
  const [first, ...others] = paths.filter((path) => lastOf(path) === name && path !== wanted)
  if (first !== undefined) return others.length === 0 ? first : (closest(wanted, [first, ...others]) ?? first)
  const near = closest(wanted, paths)
  if (near !== null) return near
  const meant = closest(name, paths.map(lastOf))
  return meant === null ? null : paths.find((path) => lastOf(path) === meant)!
}

/** Whether the file of a path declares all of these names itself. */
export function declaresAll(load: Load, from: Source, path: string, names: readonly string[]): boolean {
  const source = load(path, from)
  if (source === null || 'refused' in source || !names.every((name) => source.text.includes(name))) return false
  const declarations = new Set(parse(source).file.declarations.map(({ name }) => name.text))
  return names.every((name) => declarations.has(name))
}

/** A file that can be imported and declares a name; null where none does. */
export const exporterOf = (load: Load, from: Source, name: string): string | null =>
  load.paths?.(from).find((path) => declaresAll(load, from, path, [name])) ?? null
