/**
 * The table of weights with as few lines as read well: `attention.{q, k} = "self_attn.{q,k}_proj.weight"` in a group for each
 * layer.
 */
import { printedWidth } from '../../../grammar/print.ts'
import type { Weights } from '../part.ts'
import { partsOf, sourceText } from './source.ts'

interface Entry {
  readonly path: readonly string[]
  readonly tensor: readonly string[]
  readonly slices: string
}

const entryOf = ([path, source]: readonly [string, string]): Entry => {
  const { tensor, slices } = partsOf(source)
  return { path: path.split('.'), tensor: tensor.split('.'), slices }
}

/** Places at which two lists of one length differ; null where their lengths differ. */
function differences(a: readonly string[], b: readonly string[]): readonly number[] | null {
  return a.length === b.length ? a.flatMap((one, at) => (one === b[at] ? [] : [at])) : null
}

/** Names that two lists have in common at their beginning, or from their end on; one of each list stays over. */
function common(a: readonly string[], b: readonly string[], isEnd = false): number {
  const most = Math.min(a.length, b.length) - 1
  let count = 0
  while (count < most && a.at(isEnd ? -1 - count : count) === b.at(isEnd ? -1 - count : count)) count++
  return count
}

/** Where entries differ: a name of the path, and the names of the tensor between some at its beginning and some at its end. */
interface Place {
  readonly path: number
  readonly before: number
  readonly after: number
}

const LAST: readonly string[] = ['weight', 'bias']

/** Whether a name of a path is what a reader looks for in it: the last one, or that of a norm. */
const isLast = (path: readonly string[], at: number): boolean =>
  at === path.length - 1 || (at === path.length - 2 && LAST.includes(path[at + 1]))

/** Null where two entries are not alike. */
function place(a: Entry, b: Entry): Place | null {
  const path = differences(a.path, b.path)
  if (path?.length !== 1 || a.path.length === 1 || !isLast(a.path, path[0]) || a.slices !== b.slices) return null
  if ([...b.path, ...b.tensor].some((name) => name.includes(','))) return null
  const before = common(a.tensor, b.tensor)
  const after = common(a.tensor.slice(before), b.tensor.slice(before), true)
  const isWhole = before + after === 0
  const isOne = a.tensor.length === b.tensor.length && before + after === a.tensor.length - 1
  return isOne || (a.tensor.length !== b.tensor.length && !isWhole) ? { path: path[0], before, after } : null
}

const inBraces = (names: readonly string[]): string => `{${names.join(',')}}`

/** `{q,k,v}_proj`, `norm_{1,2}`, `norm{_1,}`: words that names have in common at one of their ends stand once. */
function listed(names: readonly string[]): string {
  if (names.some((name) => name.includes('.'))) return inBraces(names)
  const words = names.map((name) => name.split('_'))
  const [first, ...others] = words
  const end = Math.min(...others.map((list) => common(first, list, true)))
  if (end > 0) return `${inBraces(words.map((list) => list.slice(0, -end).join('_')))}_${first.slice(-end).join('_')}`
  const shortest = Math.min(...words.map(({ length }) => length))
  let start = 0
  while (start < shortest && words.every((list) => list[start] === first[start])) start++
  if (start === 0) return inBraces(names)
  const beginning = first.slice(0, start).join('_')
  const rests = words.map((list) => list.slice(start).join('_'))
  if (rests.includes('')) return `${beginning}${inBraces(rests.map((rest) => (rest === '' ? '' : `_${rest}`)))}`
  return `${beginning}_${inBraces(rests)}`
}

/** Entries that differ at these places, as one line; the names of the path and of the tensor stand in one order. */
function lineOf(group: readonly Entry[], { path: at, before, after }: Place): string {
  const [first] = group
  const path = first.path.with(at, `{${group.map((one) => one.path[at]).join(', ')}}`).join('.')
  const middles = group.map(({ tensor }) => tensor.slice(before, tensor.length - after).join('.'))
  const tensor = [...first.tensor.slice(0, before), listed(middles), ...first.tensor.slice(first.tensor.length - after)]
  return `${path} = ${sourceText(`${tensor.join('.')}${first.slices}`)}`
}

const single = ({ path, tensor, slices }: Entry): string => `${path.join('.')} = ${sourceText(`${tensor.join('.')}${slices}`)}`

/** Columns before an entry, in the deepest block. */
const INDENT = 6

const fits = (line: string): boolean => line.length + INDENT <= printedWidth

const keyOf = ({ path, before, after }: Place): string => [path, before, after].join()

/** The largest group that an entry begins, of those that follow it. */
function groupOf(first: Entry, rest: readonly Entry[]): { readonly group: readonly Entry[]; readonly line: string } {
  const places = new Map(rest.flatMap((other) => [place(first, other)].flatMap((at) => (at === null ? [] : [[keyOf(at), at]]))))
  const groups = [...places.values()].map((at) => {
    const alike = rest.filter((other) => {
      const found = place(first, other)
      return found !== null && keyOf(found) === keyOf(at)
    })
    let group = [first, ...alike]
    while (group.length > 1 && !fits(lineOf(group, at))) group = group.slice(0, -1)
    return { group, line: group.length > 1 ? lineOf(group, at) : single(first) }
  })
  return groups.reduce((a, b) => (b.group.length > a.group.length ? b : a), { group: [first], line: single(first) })
}

/** Lines for these entries; each stands in one of them. */
function entryLines(entries: readonly Entry[]): readonly string[] {
  const lines: string[] = []
  for (let rest = entries; rest.length > 0;) {
    const { group, line } = groupOf(rest[0], rest.slice(1))
    lines.push(line)
    rest = rest.filter((entry) => !group.includes(entry))
  }
  return lines
}

const INDEX = '{i}'

/** What a path or the name of a tensor begins with, up to the index of a layer; null where it is in no layer. */
function layerOf(parts: readonly string[]): string | null {
  const at = parts.indexOf(INDEX)
  return at < 0 || at === parts.length - 1 ? null : parts.slice(0, at + 1).join('.')
}

/** What an entry in a layer begins with; null for others. */
function prefixOf({ path, tensor }: Entry): string | null {
  const [layer, tensors] = [layerOf(path), layerOf(tensor)]
  return layer === null || tensors === null ? null : `${layer} = ${JSON.stringify(tensors)}`
}

const withoutLayer = (parts: readonly string[]): readonly string[] => parts.slice(parts.indexOf(INDEX) + 1)

/** Lines of a table of weights: those of a layer in a group, each weight in one line. */
export function weightLines(weights: Weights): readonly string[] {
  const entries = Object.entries(weights).map(entryOf)
  const prefixes = [...new Set(entries.map(prefixOf))].filter((one) => one !== null)
  const groups = prefixes.flatMap((prefix) => {
    const inside = entries
      .filter((entry) => prefixOf(entry) === prefix)
      .map(({ path, tensor, slices }) => ({ path: withoutLayer(path), tensor: withoutLayer(tensor), slices }))
    return [`${prefix} {`, ...entryLines(inside).map((line) => `  ${line}`), '}']
  })
  return [...entryLines(entries.filter((entry) => prefixOf(entry) === null)), ...groups]
}
