/** Checks the arguments of public functions before they are used. */

/** An argument of the wrong type, or without a required property. */
export class ArgumentError extends TypeError {
  readonly kind = 'argument'
  /** `createSession` */
  readonly call: string
  /** `plan.model` */
  readonly argument: string

  constructor(call: string, argument: string, message: string, options: ErrorOptions = {}) {
    super(`${call}: ${argument} ${message}`, options)
    this.call = call
    this.argument = argument
  }

  override get name(): string {
    return 'ArgumentError'
  }
}

interface Problem {
  readonly path: string
  readonly message: string
}

/** The problem with a value and its path inside the value; null if the value is valid. */
export type Form = (value: unknown, path: string) => Problem | null

/** A short description of a value: `null`, `the string 'x'`, `an array`. */
function show(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'string') return `the string ${JSON.stringify(value.slice(0, 40))}`
  if (typeof value === 'symbol' || typeof value === 'function') return `a ${typeof value}`
  if (typeof value === 'object') return Array.isArray(value) ? 'an array' : 'an object'
  return `${typeof value} ${String(value)}`
}

const form =
  (expected: string, fits: (value: unknown) => boolean): Form =>
  (value, path) =>
    fits(value) ? null : { path, message: `is ${show(value)}; ${expected} is expected` }

export const anything: Form = () => null
export const text = form('a string', (value) => typeof value === 'string')
export const filled = form('a string that is not empty', (value) => typeof value === 'string' && value.trim() !== '')
export const flag = form('true or false', (value) => typeof value === 'boolean')
export const oneOf = (words: readonly string[]): Form =>
  form(`one of ${words.join(', ')}`, (value) => words.includes(value as string))
export const real = form('a number', (value) => typeof value === 'number' && !Number.isNaN(value))
export const whole = form('a whole number from 0', (value) => Number.isSafeInteger(value) && (value as number) >= 0)
export const positive = form('a whole number from 1', (value) => Number.isSafeInteger(value) && (value as number) >= 1)
export const callable = form('a function', (value) => typeof value === 'function')
export const bytes = form(
  'an ArrayBuffer or a Uint8Array',
  (value) => value instanceof ArrayBuffer || value instanceof Uint8Array,
)
export const byteArray = form('a Uint8Array', (value) => value instanceof Uint8Array)
export const map = form('a Map', (value) => value instanceof Map)
export const numbers = form('a typed array of numbers', (value) => ArrayBuffer.isView(value) && !(value instanceof DataView))

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const anObject = form('an object', isObject)

/** Any value except undefined. */
export const optional =
  (inner: Form): Form =>
  (value, path) =>
    value === undefined ? null : inner(value, path)
export const nullable =
  (inner: Form): Form =>
  (value, path) =>
    value === null ? null : inner(value, path)

function first<T>(items: Iterable<T>, check: (item: T) => Problem | null): Problem | null {
  for (const item of items) {
    const problem = check(item)
    if (problem !== null) return problem
  }
  return null
}

/** An object that has at least these properties. */
export const object =
  (properties: Readonly<Record<string, Form>>): Form =>
  (value, path) =>
    anObject(value, path) ??
    first(Object.entries(properties), ([name, inner]) =>
      inner((value as Readonly<Record<string, unknown>>)[name], `${path}.${name}`),
    )

/** An object with arbitrary keys and values of one form. */
export const record =
  (inner: Form): Form =>
  (value, path) =>
    anObject(value, path) ?? first(Object.entries(value as object), ([name, one]) => inner(one, `${path}.${name}`))

/** An optional object whose properties are all optional; unknown properties are refused. */
export const options = (properties: Readonly<Record<string, Form>>): Form =>
  optional((value, path) => {
    const known = Object.keys(properties)
    const stray = isObject(value) ? Object.keys(value).find((name) => !known.includes(name)) : undefined
    if (stray !== undefined) return { path: `${path}.${stray}`, message: `is not an option; the options are ${known.join(', ')}` }
    return object(Object.fromEntries(known.map((name) => [name, optional(properties[name])])))(value, path)
  })

/** A value that is checked in full elsewhere: accepts everything except an object that throws when it is read. */
export const readable: Form = (value) => {
  if (typeof value === 'object' && value !== null) void (value as Readonly<Record<string, unknown>>).version
  return null
}

const anArray = form('an array', Array.isArray)

export const list =
  (inner: Form): Form =>
  (value, path) =>
    anArray(value, path) ?? first((value as readonly unknown[]).entries(), ([at, one]) => inner(one, `${path}[${at}]`))

/** A list with at least one entry. */
export const listOfSome =
  (inner: Form): Form =>
  (value, path) =>
    list(inner)(value, path) ??
    ((value as readonly unknown[]).length > 0 ? null : { path, message: 'is empty; at least one entry is expected' })

/** Throws an ArgumentError. */
export function checkArgument(call: string, name: string, value: unknown, expected: Form): void {
  let problem: Problem | null
  try {
    problem = expected(value, name)
  } catch (cause) {
    // a getter, or a proxy, that throws
    throw new ArgumentError(call, name, 'cannot be read', { cause })
  }
  if (problem !== null) throw new ArgumentError(call, problem.path, problem.message)
}

type Call = (...args: never[]) => unknown

/** Wraps a function so that its arguments are checked first, in order. Throws an ArgumentError. */
export function checked<F extends Call>(call: string, forms: Readonly<Record<string, Form>>, run: F): F {
  return ((...args: never[]) => {
    for (const [at, [name, expected]] of Object.entries(forms).entries()) checkArgument(call, name, args[at], expected)
    return run(...args)
  }) as F
}

/** Like `checked`, for a function that returns a promise: rejects with the ArgumentError. */
export function checkedAsync<F extends (...args: never[]) => Promise<unknown>>(
  call: string,
  forms: Readonly<Record<string, Form>>,
  run: F,
): F {
  const guarded = checked(call, forms, run)
  return (async (...args: never[]) => guarded(...args)) as unknown as F
}
