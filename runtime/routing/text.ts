/** Reports as text: written for people too, read with every doubt. */
import { RouteError } from '../errors.ts'
import { balance, type Balance } from './balance.ts'
import { ROUTER_VERDICTS, type RandomRows } from './collapse.ts'
import { LOAD_VERDICTS, loadCollapse, type LoadCollapse } from './load-collapse.ts'
import { REPORT_FORMAT, REPORT_VERSION, type LayerReport, type RouterCollapse, type RoutingReport } from './report.ts'

/** Indented JSON with each list of numbers on one line. */
export const printReport = (report: RoutingReport): string =>
  `${JSON.stringify(report, null, 2).replace(/\[[\s\d.,eE+-]*\]/g, (list) => list.replace(/\s+/g, '').replaceAll(',', ', '))}\n`

type Fields = Readonly<Record<string, unknown>>
type Rule = (value: unknown) => string | null

const rule =
  (what: string, holds: (value: unknown) => boolean): Rule =>
  (value) =>
    holds(value) ? null : `is not ${what}`

const isWhole = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)

const text = rule('a text', (value) => typeof value === 'string')
const whole = rule('a whole number from 0 on', isWhole)
const positive = rule('a whole number from 1 on', (value) => isWhole(value) && value !== 0)
const wholes = rule('a list of whole numbers', (value) => Array.isArray(value) && value.every(isWhole))
const finite = rule('a number', Number.isFinite)
const real = rule('a number or null', (value) => value === null || Number.isFinite(value))
const list = rule('a list', Array.isArray)
const oneOf = (words: readonly string[]): Rule => rule(`one of ${words.join(', ')}`, (value) => words.includes(value as string))
const orNull =
  (of: Rule): Rule =>
  (value) =>
    value === null ? null : of(value)

const object =
  (fields: Readonly<Record<string, Rule>>): Rule =>
  (value) => {
    if (!isFields(value)) return 'is not an object'
    for (const [name, of] of Object.entries(fields)) {
      if (!Object.hasOwn(value, name)) return `lacks '${name}'`
      const problem = of(value[name])
      if (problem !== null) return /^\./.test(problem) ? `.${name}${problem}` : `.${name} ${problem}`
    }
    return null
  }

const each =
  (of: Rule): Rule =>
  (value) => {
    if (!Array.isArray(value)) return 'is not a list'
    const at = value.findIndex((entry) => of(entry) !== null)
    return at < 0 ? null : `entry ${at}: ${of(value[at])?.replace(/^\./, '')}`
  }

const spread = object({ mean: finite, deviation: finite })

const layer = object({
  name: text,
  experts: positive,
  tokens: whole,
  k: positive,
  load: wholes,
  kept: whole,
  dropped: whole,
  cv: real,
  cvSquared: real,
  maxVio: real,
  dead: wholes,
  allocationEntropy: real,
  weightEntropy: real,
  margin: orNull(object({ value: real, from: text })),
  pairs: wholes,
  loadCollapse: object({
    effective: real,
    random: real,
    level: real,
    busiest: orNull(object({ experts: positive, share: finite })),
    verdict: oneOf(LOAD_VERDICTS),
  } satisfies { readonly [F in keyof LoadCollapse]: Rule }),
  collapse: each(
    object({
      weight: text,
      pearson: real,
      cosine: real,
      random: orNull(object({ pearson: spread, cosine: spread } satisfies { readonly [F in keyof RandomRows]: Rule })),
      verdict: oneOf(ROUTER_VERDICTS),
    } satisfies { readonly [F in keyof RouterCollapse]: Rule }),
  ),
  balance: orNull(
    object({
      within: finite,
      mean: finite,
      farthest: orNull(object({ expert: whole, load: whole, percent: finite })),
      outside: wholes,
      least: finite,
    } satisfies { readonly [F in keyof Balance]: Rule }),
  ),
  against: orNull(object({ changeTop1: real, changeSet: real, overlap: real })),
} satisfies { readonly [F in keyof LayerReport]: Rule })

const report = object({
  format: text,
  version: whole,
  model: text,
  adapter: text,
  replayed: orNull(text),
  against: orNull(text),
  layers: list,
  dims: rule('sizes by name', (value) => isFields(value) && Object.values(value).every(isWhole)),
} satisfies { readonly [F in keyof RoutingReport]: Rule })

/** What a JSON file may have lost of a real, or another machine's logarithm may make of it. */
const isNear = (a: number | null, b: number | null): boolean =>
  a === b || (a !== null && b !== null && Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b)))

const isSameCollapse = (a: LoadCollapse, b: LoadCollapse): boolean =>
  isNear(a.effective, b.effective) &&
  isNear(a.random, b.random) &&
  isNear(a.level, b.level) &&
  a.verdict === b.verdict &&
  a.busiest?.experts === b.busiest?.experts &&
  isNear(a.busiest?.share ?? null, b.busiest?.share ?? null)

/** What a sum of its parts says against. */
function contradiction({
  experts,
  tokens,
  k,
  load,
  kept,
  dropped,
  dead,
  balance: told,
  loadCollapse: collapsed,
  pairs,
}: LayerReport): string | null {
  if (load.length !== experts) return `load has ${load.length} entries for ${experts} experts`
  const sum = load.reduce((all, count) => all + count, 0)
  if (sum !== kept) return `the load of its experts is ${sum}, kept is ${kept}`
  if (kept + dropped !== tokens * k) return `${kept} kept and ${dropped} dropped are not ${tokens} tokens x ${k}`
  if (dead.join() !== load.flatMap((count, expert) => (count === 0 ? [expert] : [])).join())
    return 'dead does not list the experts without load'
  if (told !== null && JSON.stringify(told) !== JSON.stringify(balance({ counts: load, kept, dropped }, told.within)))
    return 'balance is not that of the load'
  if (!isSameCollapse(collapsed, loadCollapse({ counts: load, kept, dropped }, tokens)))
    return 'loadCollapse is not that of the load'
  const wanted = (experts * (experts - 1)) / 2
  return pairs.length === wanted ? null : `pairs has ${pairs.length} entries, ${experts} experts have ${wanted}`
}

/** The version that had no collapse of the load, and no scale for that of the routers. */
const BEFORE = 2

/** A report of the version before with what follows from its load; how wide a router's rows were it does not say. */
function upgraded(value: unknown): unknown {
  if (!isFields(value) || value.version !== BEFORE || !Array.isArray(value.layers)) return value
  const layers = value.layers.map((entry: unknown): unknown => {
    if (!isFields(entry) || wholes(entry.load) !== null || whole(entry.tokens) !== null) return entry
    const { load, tokens } = entry as unknown as LayerReport
    const kept = load.reduce((sum, count) => sum + count, 0)
    const routers: unknown = Array.isArray(entry.collapse)
      ? entry.collapse.map((one: unknown) => (isFields(one) ? { ...one, random: null, verdict: 'unknown' } : one))
      : entry.collapse
    return { ...entry, loadCollapse: loadCollapse({ counts: load, kept, dropped: 0 }, tokens), collapse: routers }
  })
  return { ...value, version: REPORT_VERSION, layers }
}

function checkHead(value: unknown, name: string): void {
  if (!isFields(value) || value.format !== REPORT_FORMAT)
    throw new RouteError(name, `is not a routing report: it has no "format": "${REPORT_FORMAT}"`)
  if (value.version !== REPORT_VERSION)
    throw new RouteError(
      name,
      `is a routing report of version ${String(value.version)}, versions ${BEFORE} and ${REPORT_VERSION} are read`,
    )
  const problem = report(value)
  if (problem !== null) throw new RouteError(name, problem.replace(/^\./, ''))
}

function parse(json: string, name: string): unknown {
  try {
    return JSON.parse(json) as unknown
  } catch (error) {
    throw new RouteError(name, `is no JSON: ${(error as Error).message}`)
  }
}

/**
 * A report from its JSON, one of the version before as one of this; `name` is what messages call it. Throws a RouteError for what
 * is none, or contradicts itself.
 */
export function readReport(json: string, name: string): RoutingReport {
  const value = upgraded(parse(json, name))
  checkHead(value, name)
  const read = value as RoutingReport
  for (const [at, entry] of read.layers.entries()) {
    const problem = layer(entry)?.replace(/^\./, '') ?? contradiction(entry)
    if (problem !== null) throw new RouteError(name, `layer ${at}: ${problem}`)
  }
  return read
}
