/** The texts that are mutated: every spec of the tree, and for each the files that it imports. */
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { std } from '../../cli/std.ts'
import type { Source } from '../../grammar/source.ts'

export interface Spec {
  /** What is checked. */
  readonly main: Source
  /** Everything that is read for it, itself first. */
  readonly files: readonly Source[]
}

export type Load = (path: string, from: Source) => Source | null

const FOLDERS = ['examples', 'test/fixtures', 'test/model/errors']

const specsUnder = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((name) => name.endsWith('.smoe'))
    .sort()

const IMPORT = /^import .* from "([^"\n]+)"/gm

/** Reads a module of the library, or a file beside the one that imports it. */
export const loadFrom =
  (read: (path: string) => string | null): Load =>
  (path, from) => {
    const found = path.startsWith('std/') ? path : join(dirname(from.path), path)
    const text = Object.hasOwn(std, found) ? std[found] : read(`${found}.smoe`)
    return text === null ? null : { path: `${found}.smoe`, text }
  }

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

export const load: Load = loadFrom(readOrNull)

function closure(main: Source): readonly Source[] {
  const found = new Map([[main.path, main]])
  // a Map visits what is added to it meanwhile
  for (const source of found.values()) {
    for (const [, path] of source.text.matchAll(IMPORT)) {
      const file = load(path, source)
      if (file !== null) found.set(file.path, file)
    }
  }
  return [...found.values()]
}

/** Texts beyond this length make each mutant slow and are no richer. */
const LONGEST = 20_000

const DOCS = ['README.md', 'docs/language.md', 'docs/training.md']

const FENCE = /^```smoe\n([^]*?)^```/gm

const examplesOf = (page: string): readonly Source[] =>
  [...readFileSync(page, 'utf8').matchAll(FENCE)].map(([, text], at) => ({
    path: `docs/${page.replace(/\W/g, '-')}-${at}.smoe`,
    text,
  }))

/** A routed layer for each policy of the library, with the defaults of its parameters. */
const layerOf = (module: string): Source => {
  const name = module.replace(/^.*\//, '')
  const text = `import { swiglu } from "std/experts/swiglu"
import { ${name} } from "${module}"

model layer(D: int = 8, F: int = 12, E: int = 4) {
  input x: f32[T, D]
  output y = moe(x) {
    experts E of swiglu(F = F)
    route ${name}()
  }
}
`
  return { path: `layers/${name}.smoe`, text }
}

export function corpus(): readonly Spec[] {
  const files = FOLDERS.flatMap(specsUnder).map((path) => ({ path, text: readFileSync(path, 'utf8') }))
  const library = Object.entries(std).map(([path, text]) => ({ path: `${path}.smoe`, text }))
  const layers = Object.keys(std)
    .filter((module) => module.startsWith('std/policies/'))
    .map(layerOf)
  return [...files, ...DOCS.flatMap(examplesOf), ...layers, ...library]
    .filter(({ text }) => text.length < LONGEST)
    .map((main) => ({ main, files: closure(main) }))
}

/** As `load`, but one file is another. */
export const withFile =
  (changed: Source): Load =>
  (path, from) => {
    const source = load(path, from)
    return source?.path === changed.path ? changed : source
  }
