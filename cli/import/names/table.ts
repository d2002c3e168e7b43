/** The table of weights with as few lines as read well: `layers.{i}.attention.{q, k} = "self_attn.{q,k}_proj.weight"`. */
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

/** Where two entries differ: one name of the path and one of the tensor; null where they are not alike. */
function place(a: Entry, b: Entry): readonly [number, number] | null {
  const [path, tensor] = [differences(a.path, b.path), differences(a.tensor, b.tensor)]
  if (path?.length !== 1 || tensor?.length !== 1 || a.slices !== b.slices || path[0] === 0) return null
  return [...b.path, ...b.tensor].some((name) => name.includes(',')) ? null : [path[0], tensor[0]]
}

/** `{q,k,v}_proj`: what names have in common at their end, from an underscore on, stands once. */
function listed(names: readonly string[]): string {
  const words = names.map((name) => name.split('_'))
  let common = 0
  while (words.every((list) => common + 1 < list.length && list.at(-1 - common) === words[0].at(-1 - common))) common++
  const ends = common === 0 ? '' : `_${words[0].slice(-common).join('_')}`
  return `{${words.map((list) => list.slice(0, list.length - common).join('_')).join(',')}}${ends}`
}

/** Entries that differ at these places, as one line; the names of the path and of the tensor stand in one order. */
function lineOf(group: readonly Entry[], [atPath, atTensor]: readonly [number, number]): string {
  const [first] = group
  const path = first.path.with(atPath, `{${group.map((one) => one.path[atPath]).join(', ')}}`).join('.')
  const tensor = first.tensor.with(atTensor, listed(group.map((one) => one.tensor[atTensor]))).join('.')
  return `${path} = ${sourceText(`${tensor}${first.slices}`)}`
}

const single = ({ path, tensor, slices }: Entry): string => `${path.join('.')} = ${sourceText(`${tensor.join('.')}${slices}`)}`

const fits = (line: string): boolean => line.length + 4 <= printedWidth

/** The largest group that an entry begins, of those that follow it. */
function groupOf(first: Entry, rest: readonly Entry[]): { readonly group: readonly Entry[]; readonly line: string } {
  const places = new Map(rest.flatMap((other) => [place(first, other)].flatMap((at) => (at === null ? [] : [[at.join(), at]]))))
  const groups = [...places.values()].map((at) => {
    const alike = rest.filter((other) => place(first, other)?.join() === at.join())
    let group = [first, ...alike]
    while (group.length > 1 && !fits(lineOf(group, at))) group = group.slice(0, -1)
    return { group, line: group.length > 1 ? lineOf(group, at) : single(first) }
  })
  return groups.reduce((a, b) => (b.group.length > a.group.length ? b : a), { group: [first], line: single(first) })
}

/** Lines of a table of weights; each weight stands in one of them. */
export function weightLines(weights: Weights): readonly string[] {
  const lines: string[] = []
  for (let rest = Object.entries(weights).map(entryOf); rest.length > 0;) {
    const { group, line } = groupOf(rest[0], rest.slice(1))
    lines.push(line)
    rest = rest.filter((entry) => !group.includes(entry))
  }
  return lines
}
