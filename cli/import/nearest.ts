/** The row of the table that is most like a checkpoint of an unknown architecture, and what differs. */
import { parse } from '../../grammar/parse.ts'
import { tensorsOf } from '../../grammar/weight-groups.ts'
import { listed, quoted } from '../../runtime/checkpoint/quote.ts'
import { fieldsOf } from './fields.ts'
import { hasEffectElsewhere, isHarmlessField } from './known-fields.ts'
import type { Row } from './row.ts'

/** Names with a place in the place of each number between dots. */
const patternOf = (tensor: string): string => tensor.replace(/(^|\.)(\d+|\{\w+\})(?=\.|$)/g, '$1*')

/** The tensors that a spec reads, as patterns. */
function patternsOfSpec(text: string): ReadonlySet<string> {
  const { declarations } = parse({ path: 'nearest.smoe', text }).file
  const statements = declarations.flatMap(({ body }) => body)
  return new Set(statements.flatMap((one) => (one.kind === 'weights' ? tensorsOf(one.entries) : [])).map(patternOf))
}

/** What two sets have in common, and what one of them has alone. */
interface Compared {
  readonly shared: readonly string[]
  readonly left: readonly string[]
  readonly right: readonly string[]
}

function compare(left: ReadonlySet<string>, right: ReadonlySet<string>): Compared {
  return {
    shared: [...left].filter((one) => right.has(one)),
    left: [...left].filter((one) => !right.has(one)),
    right: [...right].filter((one) => !left.has(one)),
  }
}

/** The share of what two sets have in common: 1 where they are equal. */
const likeness = ({ shared, left, right }: Compared): number =>
  shared.length / Math.max(1, shared.length + left.length + right.length)

interface Candidate {
  readonly row: Row
  readonly fields: Compared
  /** null where no files are known */
  readonly tensors: Compared | null
}

function candidateOf(row: Row, config: Readonly<Record<string, unknown>>, tensors: ReadonlySet<string> | null): Candidate {
  const fields = fieldsOf(
    { ...config, architectures: [], model_type: row.type },
    { defaults: row.defaults, aliases: row.aliases },
  )
  const { text } = row.spec(fields, { layout: 'hub', name: row.type, doc: row.doc, architecture: row.architecture })
  const read = new Set(fields.reads.map(({ name }) => name.split('.')[0]))
  const given = new Set(Object.keys(config).filter((name) => config[name] !== null && !isHarmlessField(name)))
  const wanted = new Set([...read].filter((name) => given.has(name) || !Object.hasOwn(row.defaults, name)))
  return { row, fields: compare(given, wanted), tensors: tensors === null ? null : compare(tensors, patternsOfSpec(text)) }
}

const scoreOf = ({ fields, tensors }: Candidate): number => likeness(fields) + (tensors === null ? 0 : 2 * likeness(tensors))

const SHOWN = 6

const some = (what: string, names: readonly string[]): readonly string[] =>
  names.length === 0 ? [] : [`${what}: ${listed([...names].sort(), SHOWN)}`]

/** What the nearest row is, what differs, and how to go on: lines of text; none where no row has anything in common. */
export function nearestText(
  rows: readonly Row[],
  config: Readonly<Record<string, unknown>>,
  tensorNames: Iterable<string> | null,
): readonly string[] {
  const tensors = tensorNames === null ? null : new Set([...tensorNames].map(patternOf))
  const [best] = rows.map((row) => candidateOf(row, config, tensors)).sort((a, b) => scoreOf(b) - scoreOf(a))
  // nothing in common is no nearness
  if (scoreOf(best) === 0) return []
  const { row, fields, tensors: names } = best
  const type = quoted(row.type)
  const counts = [
    `${fields.shared.length} of ${fields.shared.length + fields.left.length} fields`,
    ...(names === null ? [] : [`${names.shared.length} of ${names.shared.length + names.left.length} kinds of tensors`]),
  ]
  return [
    `the nearest is ${type} (${row.architecture}), which knows ${counts.join(' and ')}`,
    ...some(`fields that ${type} does not read`, fields.left.filter(hasEffectElsewhere)),
    ...some(
      'unknown fields',
      fields.left.filter((name) => !hasEffectElsewhere(name)),
    ),
    ...(names === null ? [] : some('tensors of the files alone', names.left)),
    ...(names === null ? [] : some(`tensors of ${type} alone`, names.right)),
    `--as ${row.type} imports it as such, where nothing differs; else its spec is where one by hand begins: the table 'weights'`,
    "at its end names tensors, and 'smoe run' tells each that is missing, of another shape or not read",
  ]
}
