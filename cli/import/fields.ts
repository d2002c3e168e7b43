/** Reads the fields of a config.json: every value is checked, every problem kept, none thrown. */

import { cut, listed } from '../../runtime/checkpoint/quote.ts'

export interface Fields {
  /** What is wrong with the fields read so far, one sentence each. */
  readonly problems: readonly string[]
  refuse(problem: string): void
  /** Refuses the value of a field. */
  refuseValue(name: string, reason: string): void
  /** Notes for the user, one sentence each. */
  readonly notes: readonly string[]
  note(sentence: string): void
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
  /** A whole number from 1 up. */
  count(name: string, fallback?: number): number
  /** A number above 0. */
  positive(name: string, fallback?: number): number
  flag(name: string, fallback: boolean): boolean
  text(name: string, fallback: string): string
  list(name: string): readonly unknown[]
  /** The fields of a nested object; those of an empty one where it is absent. */
  group(name: string): Fields
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A value as written in the config, including NaN and infinities. */
export const shown = (value: unknown): string =>
  cut(typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value)))

const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 1
/** Checked as f32, the precision of a spec. */
const isPositive = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(Math.fround(value)) && Math.fround(value) > 0
const isFlag = (value: unknown): value is boolean => typeof value === 'boolean'
const isText = (value: unknown): value is string => typeof value === 'string'

export function fieldsOf(
  config: Readonly<Record<string, unknown>>,
  prefix = '',
  problems: string[] = [],
  notes: string[] = [],
): Fields {
  const refused = new Set<string>()
  const asked = new Set<string>()
  const raw = (name: string): unknown => (Object.hasOwn(config, name) ? config[name] : undefined) ?? undefined
  const valueOf = (name: string): unknown => {
    asked.add(name)
    return raw(name)
  }

  function read<T>(name: string, is: (value: unknown) => value is T, wanted: string, fallback: T | undefined, placeholder: T): T {
    const value = valueOf(name)
    if (value === undefined && fallback !== undefined) return fallback
    if (is(value)) return value
    refused.add(name)
    problems.push(
      value === undefined
        ? `'${prefix}${name}' is missing: ${wanted}`
        : `'${prefix}${name}' must be ${wanted}, not ${shown(value)}`,
    )
    return placeholder
  }

  return {
    problems,
    demand(holds, between, problem) {
      if (!holds && !between.some((name) => refused.has(name))) problems.push(problem)
    },
    names: Object.keys(config),
    refuse: (problem) => void problems.push(problem),
    refuseValue: (name, reason) => void problems.push(`'${prefix}${cut(name)}' is ${shown(raw(name))}: ${reason}`),
    notes,
    note: (sentence) => void notes.push(sentence),
    unread: () => Object.keys(config).filter((name) => !asked.has(name) && raw(name) !== undefined),
    raw,
    noteUnknown: (names) => void notes.push(`unknown fields are ignored: ${listed(names)}`),
    has: (name) => valueOf(name) !== undefined,
    isGroup: (name) => isRecord(valueOf(name)),
    count: (name, fallback) => read(name, isCount, 'a whole number from 1 up', fallback, 1),
    positive: (name, fallback) => read(name, isPositive, 'a number above 0 that f32 holds', fallback, 1),
    flag: (name, fallback) => read(name, isFlag, 'true or false', fallback, fallback),
    text: (name, fallback) => read(name, isText, 'a string', fallback, fallback),
    list: (name) => read(name, Array.isArray, 'a list', [], []),
    group: (name) => fieldsOf(read(name, isRecord, 'an object', {}, {}), `${prefix}${name}.`, problems, notes),
  }
}
