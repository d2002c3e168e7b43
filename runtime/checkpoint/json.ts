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
