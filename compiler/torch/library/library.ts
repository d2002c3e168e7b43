/** The functions and classes that a written module may have besides those of its spec, each with those that it uses. */
import { EXPERTS } from './experts.ts'
import { FUNCTIONS } from './functions.ts'
import { RANDOM } from './random.ts'
import { STEP } from './step.ts'

const LIBRARY = { ...FUNCTIONS, ...RANDOM, ...STEP, ...EXPERTS }

export type LibraryName = keyof typeof LIBRARY

interface Entry {
  readonly uses: readonly string[]
  readonly text: string
}

export const LIBRARY_NAMES = Object.keys(LIBRARY) as readonly LibraryName[]

const entry = (name: string): Entry => LIBRARY[name as LibraryName]

function withUsed(names: Iterable<string>): ReadonlySet<string> {
  const all = new Set(names)
  for (const name of all) for (const used of entry(name).uses) all.add(used)
  return all
}

/** The text of these and of all that they use, in the order of the library. */
export function libraryText(names: Iterable<LibraryName>): readonly string[] {
  const wanted = withUsed(names)
  return LIBRARY_NAMES.filter((name) => wanted.has(name)).map((name) => entry(name).text.trim())
}

/** Names that a text of the library defines. */
export const DEFINED: ReadonlySet<string> = new Set(
  LIBRARY_NAMES.flatMap((name) =>
    [...entry(name).text.matchAll(/^(?:def|class) (\w+)|^([A-Z_]+) =/gm)].map(([, a, b]) => a ?? b),
  ),
)
