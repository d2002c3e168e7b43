/** Reads the fields of a config.json: each value is checked, each problem kept, none thrown, and what each became is recorded. */

import { cut, listed } from '../../runtime/checkpoint/quote.ts'

/** What a field of the config became. */
export interface FieldRead {
  /** With the groups that lead to it: `rope_parameters.factor`. */
  readonly name: string
  /** As in the config; undefined where the default counts. */
  readonly value: unknown
  /** The value that counts where the config has none. */
  readonly fallback: unknown
  /** A phrase: `the parameter D`. */
  readonly became: string
  /** Whether it is a number with a fraction, wherever it stands. */
  readonly isReal: boolean
}

export interface Fields {
  /** What is wrong with the fields read so far, one sentence each. */
  readonly problems: readonly string[]
  refuse(problem: string): void
  /** Refuses the value of a field. */
  refuseValue(name: string, reason: string): void
  /** Notes for the user, one sentence each. */
  readonly notes: readonly string[]
  note(sentence: string): void
  /** The fields read so far, those of groups included, in the order in which they were read. */
  readonly reads: readonly FieldRead[]
  /** Fields that are not null and were not read so far. */
  unread(): readonly string[]
  /** The value of a field; does not mark it as read. */
  raw(name: string): unknown
  noteUnknown(names: readonly string[]): void
  /** A law between fields; it says nothing where one of them is already refused. */
  demand(holds: boolean, between: readonly string[], problem: string): void
  readonly names: readonly string[]
  /** Whether the field is there; null counts as absent, as it does where these files are written. */
  has(name: string): boolean
  isGroup(name: string): boolean
  /** Marks a field as read that does not count here, and says why. */
  skip(name: string, reason: string): void
  /** A whole number from 1 up; `group.name` is a field of a group. */
  count(name: string, became: string, fallback?: number): number
  /** A whole number from 0 up. */
  whole(name: string, became: string, fallback?: number): number
  /** A number above 0. */
  positive(name: string, became: string, fallback?: number): number
  flag(name: string, became: string, fallback?: boolean): boolean
  text(name: string, became: string, fallback?: string): string
  list(name: string, became: string): readonly unknown[]
  /** null where the field is absent without a default, or null. */
  optionalCount(name: string, became: string): number | null
  /** null where the field is absent without a default, or null. */
  optionalPositive(name: string, became: string): number | null
  /** The fields of a nested object; those of `absent` where there is none. */
  group(name: string, absent?: Readonly<Record<string, unknown>>): Fields
}

export type Default = string | number | boolean | readonly number[]

export interface FieldOptions {
  /** What counts where the config has no such field. */
  readonly defaults?: Readonly<Record<string, Default>>
  /** Another name of a field -> the name it is read by. */
  readonly aliases?: Readonly<Record<string, string>>
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A value as written in the config, including NaN and infinities. */
export const shown = (value: unknown): string =>
  cut(typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value)))

interface Kind<T> {
  readonly is: (value: unknown) => value is T
  /** `true or false` */
  readonly wanted: string
  /** Stands for a value that is refused. */
  readonly placeholder: T
}

const COUNT: Kind<number> = {
  is: (value): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 1,
  wanted: 'a whole number from 1 up',
  placeholder: 1,
}
const WHOLE: Kind<number> = {
  is: (value): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0,
  wanted: 'a whole number from 0 up',
  placeholder: 0,
}
/** Checked as f32, the precision of a spec. */
const POSITIVE: Kind<number> = {
  is: (value): value is number => typeof value === 'number' && Number.isFinite(Math.fround(value)) && Math.fround(value) > 0,
  wanted: 'a number above 0 that f32 holds',
  placeholder: 1,
}
const FLAG: Kind<boolean> = {
  is: (value): value is boolean => typeof value === 'boolean',
  wanted: 'true or false',
  placeholder: false,
}
const TEXT: Kind<string> = { is: (value): value is string => typeof value === 'string', wanted: 'a string', placeholder: '' }
const LIST: Kind<readonly unknown[]> = { is: (value) => Array.isArray(value), wanted: 'a list', placeholder: [] }
const GROUP: Kind<Readonly<Record<string, unknown>>> = { is: isRecord, wanted: 'an object', placeholder: {} }

/** What all groups of one config share. */
interface Log {
  readonly problems: string[]
  readonly notes: string[]
  readonly reads: FieldRead[]
}

/** The config with each field under the name it is read by; two that differ are a problem. */
function withoutAliases(
  config: Readonly<Record<string, unknown>>,
  aliases: Readonly<Record<string, string>>,
  log: Log,
): Readonly<Record<string, unknown>> {
  const entries = Object.entries(config).map(([key, value]): readonly [string, unknown] => {
    const name = Object.hasOwn(aliases, key) ? aliases[key] : key
    if (name === key) return [key, value]
    if (Object.hasOwn(config, name) && config[name] !== value && value !== null)
      log.problems.push(`'${key}' is ${shown(value)}: '${name}' is ${shown(config[name])}, and both are the same number`)
    return [name, Object.hasOwn(config, name) ? config[name] : value]
  })
  return Object.fromEntries(entries)
}

export function fieldsOf(config: Readonly<Record<string, unknown>>, options: FieldOptions = {}): Fields {
  const log: Log = { problems: [], notes: [], reads: [] }
  return createFields(withoutAliases(config, options.aliases ?? {}, log), '', options.defaults ?? {}, log)
}

function createFields(
  config: Readonly<Record<string, unknown>>,
  prefix: string,
  defaults: Readonly<Record<string, Default>>,
  log: Log,
): Fields {
  const refused = new Set<string>()
  const asked = new Set<string>()
  const raw = (name: string): unknown => (Object.hasOwn(config, name) ? config[name] : undefined) ?? undefined
  const record = (name: string, fallback: unknown, became: string, isReal = false): void =>
    void log.reads.push({
      name: `${prefix}${name}`,
      value: Object.hasOwn(config, name) ? config[name] : undefined,
      fallback,
      became,
      isReal,
    })

  function problem(name: string, text: string): void {
    refused.add(name)
    log.problems.push(text)
  }

  function read<T>(name: string, kind: Kind<T>, became: string, given?: T): T {
    asked.add(name)
    const value = raw(name)
    const fallback = (Object.hasOwn(defaults, name) ? defaults[name] : given) as T | undefined
    if (became !== '') record(name, fallback, became, kind === (POSITIVE as unknown))
    const isNull = Object.hasOwn(config, name) && config[name] === null
    if (value === undefined && fallback !== undefined && !isNull) return fallback
    if (kind.is(value)) return value
    const isMissing = value === undefined && !(isNull && fallback !== undefined)
    problem(
      name,
      isMissing
        ? `'${prefix}${name}' is missing: ${kind.wanted}`
        : `'${prefix}${name}' must be ${kind.wanted}, not ${shown(value ?? null)}`,
    )
    return kind.placeholder
  }

  function optional<T>(name: string, kind: Kind<T>, became: string): T | null {
    asked.add(name)
    const isAbsent = !Object.hasOwn(config, name) && !Object.hasOwn(defaults, name)
    if (!isAbsent && config[name] !== null) return read(name, kind, became)
    if (became !== '') record(name, null, became)
    return null
  }

  const group = (name: string, absent = {}): Fields =>
    createFields(optional(name, GROUP, '') ?? absent, `${prefix}${name}.`, {}, log)

  /** A field of a group where the name has a dot. */
  function inside<T>(name: string, there: (fields: Fields, own: string) => T, here: () => T): T {
    const at = name.indexOf('.')
    return at < 0 ? here() : there(group(name.slice(0, at)), name.slice(at + 1))
  }

  return {
    problems: log.problems,
    refuse: (text) => void log.problems.push(text),
    refuseValue: (name, reason) => problem(name, `'${prefix}${name}' is ${shown(raw(name) ?? defaults[name])}: ${reason}`),
    demand: (holds, between, text) => {
      if (!holds && !between.some((name) => refused.has(name))) log.problems.push(text)
    },
    names: Object.keys(config),
    notes: log.notes,
    note: (sentence) => void log.notes.push(sentence),
    reads: log.reads,
    unread: () => Object.keys(config).filter((name) => !asked.has(name) && raw(name) !== undefined),
    raw,
    noteUnknown: (names) => void log.notes.push(`unknown fields are ignored: ${listed(names)}`),
    has: (name) => {
      asked.add(name)
      return raw(name) !== undefined
    },
    isGroup: (name) => {
      asked.add(name)
      return isRecord(raw(name))
    },
    skip: (name, reason) => {
      asked.add(name)
      if (Object.hasOwn(config, name)) record(name, undefined, reason)
    },
    count: (name, became, fallback) =>
      inside(
        name,
        (fields, own) => fields.count(own, became, fallback),
        () => read(name, COUNT, became, fallback),
      ),
    whole: (name, became, fallback) => read(name, WHOLE, became, fallback),
    positive: (name, became, fallback) => read(name, POSITIVE, became, fallback),
    flag: (name, became, fallback) => read(name, FLAG, became, fallback),
    text: (name, became, fallback) => read(name, TEXT, became, fallback),
    list: (name, became) => optional(name, LIST, became) ?? [],
    optionalCount: (name, became) =>
      inside(
        name,
        (fields, own) => fields.optionalCount(own, became),
        () => optional(name, COUNT, became),
      ),
    optionalPositive: (name, became) => optional(name, POSITIVE, became),
    group,
  }
}
