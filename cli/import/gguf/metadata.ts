/** Reads the metadata of a GGUF file: keys of its architecture, each of which is read or refused. */
import { cut, quoted } from '../../../runtime/checkpoint/quote.ts'
import type { GgufFile } from '../../../runtime/checkpoint/gguf/open.ts'
import type { GgufValue } from '../../../runtime/checkpoint/gguf/values.ts'

export interface Metadata {
  readonly architecture: string
  /** What is wrong with the keys read so far, one sentence each. */
  readonly problems: readonly string[]
  readonly refuse: (problem: string) => void
  /** The value of a key behind `ARCHITECTURE.`; undefined where it is absent. */
  readonly number: (key: string) => number | undefined
  readonly flag: (key: string) => boolean | undefined
  readonly numbers: (key: string) => readonly number[] | undefined
  readonly flags: (key: string) => readonly boolean[] | undefined
  readonly text: (key: string) => string | undefined
  /** Marks a key as one without effect on the logits. */
  readonly skip: (...keys: readonly string[]) => void
  /** Keys of the architecture that were not read. */
  readonly unread: () => readonly string[]
  readonly hasTensor: (name: string) => boolean
  /** The sizes of a tensor, outermost first; empty where it is absent. */
  readonly shapeOf: (name: string) => readonly number[]
}

const isFlags = (value: GgufValue): value is readonly boolean[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'boolean')

const isIntegers = (value: GgufValue): value is Int32Array | Uint32Array =>
  value instanceof Int32Array || value instanceof Uint32Array

/** A value for a message. */
const shown = (value: GgufValue): string =>
  typeof value === 'object' ? `a list of ${value.length}` : cut(typeof value === 'string' ? JSON.stringify(value) : String(value))

export function metadataOf({ values, tensors }: GgufFile): Metadata {
  const problems: string[] = []
  const asked = new Set<string>()
  const named = values.get('general.architecture')
  const architecture = typeof named === 'string' ? named : ''
  if (architecture === '') problems.push("'general.architecture' is missing: it names the architecture")

  function read<T>(key: string, is: (value: GgufValue) => value is GgufValue & T, wanted: string): T | undefined {
    asked.add(key)
    const name = `${architecture}.${key}`
    const value = values.get(name)
    if (value === undefined || is(value)) return value
    problems.push(`${quoted(name)} must be ${wanted}, not ${shown(value)}`)
    return undefined
  }

  return {
    architecture,
    problems,
    refuse: (problem) => void problems.push(problem),
    number: (key) => read(key, (value) => typeof value === 'number', 'a number'),
    flag: (key) => read(key, (value) => typeof value === 'boolean', 'true or false'),
    numbers: (key) => {
      const list = read(key, isIntegers, 'a list of whole numbers')
      return list === undefined ? undefined : [...list]
    },
    flags: (key) => read(key, isFlags, 'a list of true or false'),
    text: (key) => read(key, (value) => typeof value === 'string', 'a string'),
    skip: (...keys) => keys.forEach((key) => asked.add(key)),
    unread: () =>
      [...values.keys()].filter((name) => name.startsWith(`${architecture}.`) && !asked.has(name.slice(architecture.length + 1))),
    hasTensor: (name) => tensors.has(name),
    shapeOf: (name) => tensors.get(name)?.shape ?? [],
  }
}
