/** A setting of a method of training: its type, range and default. */
import type { StaticValue } from '../static/static.ts'

export interface Setting {
  readonly type: 'real' | 'int' | 'bool'
  readonly from: number
  readonly to: number
  /** The end of the range that is excluded. */
  readonly excludes: 'from' | 'to' | null
  /** Null if the setting is required. */
  readonly default: number | boolean | null
  readonly doc: string
}

/** What is called by name in `train`: an optimiser, a schedule, an initialiser. */
export interface Method<N extends string = string> {
  readonly doc: string
  readonly settings: { readonly [S in N]: Setting }
}

type Range = Partial<Pick<Setting, 'from' | 'to' | 'excludes'>>

const setting = (
  type: Setting['type'],
  doc: string,
  given: Setting['default'],
  { from = 0, to = Infinity, excludes = null }: Range,
): Setting => ({ type, from, to, excludes, default: given, doc })

export const real = (doc: string, given: number | null, range: Range = {}): Setting => setting('real', doc, given, range)
export const int = (doc: string, given: number | null, range: Range = {}): Setting => setting('int', doc, given, range)
export const bool = (doc: string, given: boolean): Setting => setting('bool', doc, given, {})

/** `from 0 to 1`, `above 0`, `0 or more and below 1`: the allowed values, for people. */
export function rangeText({ from, to, excludes }: Setting): string {
  if (excludes === 'from') return `above ${from}${to === Infinity ? '' : ` and at most ${to}`}`
  if (excludes === 'to') return `${from} or more and below ${to}`
  if (from === -Infinity && to === Infinity) return 'any number that f32 holds'
  return to === Infinity ? `${from} or more` : `from ${from} to ${to}`
}

export function isAllowed({ type, from, to, excludes }: Setting, value: StaticValue): boolean {
  if (type === 'bool') return typeof value === 'boolean'
  if (typeof value !== 'number' || !Number.isFinite(Math.fround(value))) return false
  return (excludes === 'from' ? value > from : value >= from) && (excludes === 'to' ? value < to : value <= to)
}

/** `adamw(rate: real = 0.001, ...)` */
export function signatureOf(name: string, { settings }: Method): string {
  const parts = Object.entries(settings).map(
    ([key, { type, default: given }]) => `${key}: ${type}${given === null ? '' : ` = ${given}`}`,
  )
  return `${name}(${parts.join(', ')})`
}
