/** The module that is written: its functions and classes, each once, and the parts of the library that they use. */
import { className, docstring, indented } from './python.ts'
import { DEFINED, type LibraryName } from './library/library.ts'

export interface Definition {
  readonly name: string
  readonly lines: readonly string[]
}

export interface Module {
  /** Whether blocks report losses or metrics: the turns of loops return them then. */
  readonly reports: boolean
  /** Notes the use of a function or class of the library. */
  readonly use: (name: LibraryName) => void
  readonly used: ReadonlySet<LibraryName>
  /** The name under which a function or class of this text stands; one text has one name. */
  readonly define: (kind: 'function' | 'class', wanted: string, doc: string, text: DefinitionText) => string
  readonly definitions: readonly Definition[]
  /** Notes that a policy reads the weights of all experts: they cannot lie on several ranks then. */
  readonly noteBank: () => void
  readonly readsBanks: () => boolean
  /** Notes a weight of the model by its path. */
  readonly noteWeight: (path: string) => void
  readonly weights: () => readonly string[]
  /** Notes a class of experts. */
  readonly addBank: (name: string) => void
  readonly banks: () => readonly string[]
  /** Whether a name at the top of the module is taken, now or by a function that the spec calls. */
  readonly isNamed: (name: string) => boolean
}

export interface DefinitionText {
  /** The text after the name in the first line: `(x):`, `(nn.Module):`. */
  readonly head: string
  readonly body: readonly string[]
}

/** `called` are the functions that the spec calls: no local name is one of them. */
export function createModule(called: ReadonlySet<string>, reports: boolean): Module {
  const definitions: Definition[] = []
  const used = new Set<LibraryName>()
  const byText = new Map<string, string>()
  const names = new Set<string>()
  const weights = new Set<string>()
  const banks = new Set<string>()
  let readsBanks = false
  return {
    reports,
    noteBank: () => void (readsBanks = true),
    readsBanks: () => readsBanks,
    noteWeight: (path) => void weights.add(path),
    weights: () => [...weights],
    addBank: (name) => void banks.add(name),
    banks: () => [...banks],
    used,
    definitions,
    use: (name) => void used.add(name),
    isNamed: (name) => called.has(name) || DEFINED.has(name) || names.has(name),
    define(kind, wanted, doc, { head, body }) {
      const key = JSON.stringify([kind, wanted, doc, head, body])
      const known = byText.get(key)
      if (known !== undefined) return known
      const base = kind === 'class' ? className(wanted) : DEFINED.has(wanted) ? `${wanted}_` : wanted
      let name = base
      for (let count = 2; names.has(name) || DEFINED.has(name); count++) name = `${base}${kind === 'class' ? '' : '_'}${count}`
      names.add(name)
      byText.set(key, name)
      const first = `${kind === 'class' ? 'class' : 'def'} ${name}${head}`
      definitions.push({ name, lines: [first, ...indented([...docstring(doc), ...body])] })
      return name
    },
  }
}
