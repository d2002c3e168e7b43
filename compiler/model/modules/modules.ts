/** Module resolution: every name of a file, and the declaration it refers to. */
import type { Declaration, File, Import } from '../../../grammar/ast.ts'
import type { Diagnostic } from '../../../grammar/diagnostic.ts'
import { parse } from '../../../grammar/parse.ts'
import type { Source, Span } from '../../../grammar/source.ts'
import { closest } from '../../../grammar/suggest.ts'
import { declaresAll, exporterOf, nearestPath } from './suggestions.ts'
import type { Load } from './load.ts'
import type { Reporter } from './report.ts'

export interface Module {
  readonly file: File
  /** Own declarations and imported ones, by the name used here. */
  readonly names: Map<string, Declared>
  /** What every file sees without an import. */
  readonly prelude: Module | null
  /** The path of a file that could be imported for a name; null where none declares it. */
  readonly exporter: (name: string) => string | null
}

export interface Declared {
  readonly declaration: Declaration
  readonly module: Module
}

export interface Modules {
  readonly root: Module
  /** In the order they were finished: what is imported comes first. */
  readonly all: readonly Module[]
  /** Of the forms of the imported files. */
  readonly diagnostics: readonly Diagnostic[]
}

export const PRELUDE = 'std/prelude'

interface Loader {
  readonly load: Load
  readonly reporter: Reporter
  readonly done: Map<string, Module>
  readonly all: Module[]
  readonly diagnostics: Diagnostic[]
}

/** What a name refers to in a module. */
export const declared = (module: Module, name: string): Declared | undefined =>
  module.names.get(name) ?? module.prelude?.names.get(name)

export const declaredNames = (module: Module): readonly string[] => [
  ...module.names.keys(),
  ...(module.prelude?.names.keys() ?? []),
]

export function loadModules(file: File, load: Load, reporter: Reporter): Modules {
  const loader: Loader = { load, reporter, done: new Map(), all: [], diagnostics: [] }
  const source = load(PRELUDE, file.source)
  const prelude =
    source === null || 'refused' in source || source.path === file.source.path ? null : open(loader, source, null, [])
  const root = link(loader, file, prelude, [file.source.path])
  return { root, all: loader.all, diagnostics: loader.diagnostics }
}

function open(loader: Loader, source: Source, prelude: Module | null, chain: readonly string[]): Module {
  const known = loader.done.get(source.path)
  if (known !== undefined) return known
  const { file, diagnostics } = parse(source)
  loader.diagnostics.push(...diagnostics)
  return link(loader, file, prelude, [...chain, source.path])
}

function link(loader: Loader, file: File, prelude: Module | null, chain: readonly string[]): Module {
  const module: Module = { file, names: new Map(), prelude, exporter: (name) => exporterOf(loader.load, file.source, name) }
  loader.done.set(file.source.path, module)
  for (const declaration of file.declarations) declare(loader, module, declaration)
  for (const statement of file.imports) bind(loader, module, statement, chain)
  loader.all.push(module)
  return module
}

function declare({ reporter }: Loader, module: Module, declaration: Declaration): void {
  const { text, span } = declaration.name
  const known = module.names.get(text)
  if (known === undefined) module.names.set(text, { declaration, module })
  else
    reporter.report({
      code: 'SMOE2003',
      message: `${text} is declared twice`,
      span,
      related: [{ span: known.declaration.name.span, message: 'first here' }],
    })
}

const PATHS = 'a path begins with ./ or ../, or names a file of the standard library, such as std/policies/top_k'
const ROOT = 'imports must be regular files below the folder of the spec; --root DIR sets another folder'

function bind(loader: Loader, module: Module, { names, from }: Import, chain: readonly string[]): void {
  const { reporter } = loader
  const source = loader.load(from.value, module.file.source)
  if (source === null || 'refused' in source) {
    if (source === null) missing(loader, module, { names, from })
    else
      reporter.report({
        code: 'SMOE2004',
        message: `${from.value} cannot be imported: ${source.refused}`,
        span: from.span,
        help: ROOT,
      })
    for (const { name, alias } of names) module.names.set((alias ?? name).text, BROKEN)
    return
  }
  if (chain.includes(source.path)) {
    const round = [...chain.slice(chain.indexOf(source.path)), source.path].join(' -> ')
    reporter.report({ code: 'SMOE2006', message: `import cycle: ${round}`, span: from.span })
    for (const { name, alias } of names) module.names.set((alias ?? name).text, BROKEN)
    return
  }
  const other = open(loader, source, module.prelude, chain)
  for (const { name, alias } of names)
    bring(loader, module, other, name.text, name.span, (alias ?? name).text, (alias ?? name).span)
}

/** Reports a missing file with the nearest path; the fix is offered if that file declares all that is imported. */
function missing(
  { load, reporter }: Loader,
  { file: { source } }: Module,
  { names, from }: Pick<Import, 'names' | 'from'>,
): void {
  const wanted = names.map(({ name }) => name.text)
  const meant = (): string | null =>
    nearestPath(from.value, load.paths?.(source) ?? []) ?? (wanted[0] === undefined ? null : exporterOf(load, source, wanted[0]))
  const help = (): string => {
    const path = meant()
    return path === null ? PATHS : `did you mean "${path}"?`
  }
  const fix = (): Diagnostic['fix'] => {
    const path = meant()
    return path !== null && declaresAll(load, source, path, wanted) ? { span: from.span, replacement: `"${path}"` } : null
  }
  reporter.report({ code: 'SMOE2004', message: `cannot find file ${from.value}`, span: from.span, help, fix })
}

function bring({ reporter }: Loader, module: Module, other: Module, name: string, span: Span, as: string, asSpan: Span): void {
  const own = other.names.get(name)
  const found = own?.module === other ? own : undefined
  if (found === undefined) {
    const candidates = [...other.names.values()].filter((one) => one.module === other).map((one) => one.declaration.name.text)
    const help = (): string | null => {
      if (module.prelude?.names.has(name)) return `${name} needs no import`
      const path = module.exporter(name)
      if (path !== null) return `${name} is declared in "${path}"`
      const meant = closest(name, candidates)
      return meant === null ? (candidates.length > 0 ? `it declares ${candidates.join(', ')}` : null) : `did you mean ${meant}?`
    }
    reporter.report({ code: 'SMOE2005', message: `${other.file.source.path} does not declare ${name}`, span, help })
  }
  const known = module.names.get(as)
  if (known !== undefined && known.module !== BROKEN_MODULE) {
    reporter.report({
      code: 'SMOE2003',
      message: `${as} is already defined in this file`,
      span: asSpan,
      related: [{ span: known.declaration.name.span, message: 'declared here' }],
      help: `rename it on import: ${name} as another_name`,
    })
    return
  }
  module.names.set(as, found ?? BROKEN)
}

const NOWHERE: Source = { path: '', text: '' }
const EMPTY: Span = { source: NOWHERE, start: 0, end: 0 }
const BROKEN_MODULE: Module = {
  file: { source: NOWHERE, span: EMPTY, imports: [], declarations: [], comments: [], lost: [] },
  names: new Map(),
  prelude: null,
  exporter: () => null,
}

/** The entry of a name whose import failed; its uses are not reported. */
const BROKEN: Declared = {
  declaration: {
    kind: 'declaration',
    declares: 'fn',
    name: { text: '', span: EMPTY },
    parameters: [],
    result: null,
    body: [],
    isPartial: false,
    doc: [],
    span: EMPTY,
  },
  module: BROKEN_MODULE,
}

export const isBroken = ({ module }: Declared): boolean => module === BROKEN_MODULE
