/** JSON as Python's `json` module reads and writes it, with NaN and infinities: files of model hubs are written by it. */

/** A string, which is kept as it is, or the name of a number outside a string. */
const NOT_FINITE = /"[^"\\]*(?:\\.[^"\\]*)*"|(?<![\w.+-])(?:(-?)Infinity|NaN)(?![\w.+-]|\s*:)/gs

/** Placeholder for NaN: raw control characters, which a JSON file can only contain as escapes. */
const NAN_MARK = '"\\u0000\\u0001NaN\\u0001\\u0000"'
const NAN_VALUE = JSON.parse(NAN_MARK) as string

function withNumbers(text: string): string {
  return text.replaceAll(NOT_FINITE, (found, sign: string | undefined) =>
    found === 'NaN' ? NAN_MARK : sign === undefined ? found : `${sign}1e999`,
  )
}

/** Close to Python's own limit; code that walks a value may recurse. */
const DEEPEST = 512

const isNested = (value: unknown): value is object => typeof value === 'object' && value !== null

/** Returns the value. Throws a SyntaxError if it is nested too deeply. */
function checkDepth(value: unknown): unknown {
  let level = [value].filter(isNested)
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST) throw new SyntaxError(`lists and objects are nested more than ${DEEPEST} deep`)
    level = level.flatMap((one) => Object.values(one).filter(isNested))
  }
  return value
}

/**
 * Accepts `NaN`, `Infinity` and `-Infinity`, and skips a byte order mark. Throws a SyntaxError with a position in the original
 * text.
 */
export const parseJson = (text: string): unknown => checkDepth(parseAny(text.startsWith('\ufeff') ? text.slice(1) : text))

function parseAny(plain: string): unknown {
  try {
    return JSON.parse(plain) as unknown
  } catch (problem) {
    if (!/Infinity|NaN/.test(plain)) throw problem
    try {
      return JSON.parse(withNumbers(plain), (_, value: unknown) => (value === NAN_VALUE ? NaN : value)) as unknown
    } catch {
      throw problem
    }
  }
}

const MARKS: readonly (readonly [number, string])[] = [
  [NaN, 'NaN'],
  [Infinity, 'Infinity'],
  [-Infinity, '-Infinity'],
]

const markOf = (name: string): string => `\u0000\u0001${name}\u0001\u0000`

/** As `parseJson` reads it again. */
export function writeJson(value: unknown, indent = 2): string {
  const marked = JSON.stringify(
    value,
    (_, one: unknown) => {
      const mark = MARKS.find(([number]) => Object.is(number, one))
      return mark === undefined ? one : markOf(mark[1])
    },
    indent,
  )
  return MARKS.reduce((text, [, name]) => text.replaceAll(JSON.stringify(markOf(name)), name), marked)
}

/** A value at a place in a JSON file. */
export interface JsonEdit {
  /** Names of fields, outermost first; what is not there yet comes last. */
  readonly path: readonly string[]
  /** undefined removes the field. */
  readonly value: unknown
  /** Whether a whole number is written with a fraction, `1.0`: readers with types tell the two apart. */
  readonly isReal?: boolean
}

/** A string, which is kept as it is, or a number outside a string. */
const NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?(?:\d[\d.eE+-]*|Infinity)|NaN/gs

const LITERAL = /"\\u0000\\u0001([^"\\]*)\\u0001\\u0000"/g

type Tree = Readonly<Record<string, unknown>>

const isTree = (value: unknown): value is Tree => isNested(value) && !Array.isArray(value)

function edited(tree: Tree, [name, ...rest]: readonly string[], value: unknown): Tree {
  const old = Object.hasOwn(tree, name) ? tree[name] : undefined
  const inner = rest.length === 0 ? value : edited(isTree(old) ? old : {}, rest, value)
  // entries: an assignment to `__proto__` would be lost
  const entries = Object.entries(tree)
  if (inner === undefined) return Object.fromEntries(entries.filter(([key]) => key !== name))
  if (!Object.hasOwn(tree, name)) return Object.fromEntries([...entries, [name, inner]])
  return Object.fromEntries(entries.map(([key, one]) => [key, key === name ? inner : one]))
}

/**
 * The text of a JSON object with some of its fields changed. Every other number stays as it is written: `1.0` is no `1`, and one
 * of twenty digits keeps them. Throws a SyntaxError, as `parseJson` does.
 */
export function editJson(text: string, edits: readonly JsonEdit[], indent = 2): string {
  parseJson(text)
  const plain = text.startsWith('\ufeff') ? text.slice(1) : text
  const marked = plain.replaceAll(NUMBER, (found) => (found.startsWith('"') ? found : JSON.stringify(markOf(found))))
  const tree = edits.reduce(
    (made, { path, value, isReal = false }) =>
      edited(made, path, isReal && Number.isInteger(value) ? markOf(`${String(value)}.0`) : value),
    JSON.parse(marked) as Tree,
  )
  return writeJson(tree, indent).replaceAll(LITERAL, '$1')
}
