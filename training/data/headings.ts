/** Detects whether the first line of a table is a heading, and which column it labels. */
import { isNumber } from './number.ts'

/** Words in the heading of a label. The weaker ones count only if none of the others occurs. */
const LABEL = ['label', 'labels', 'target', 'targets', 'class', 'classes']
const WEAKER = ['y', 'category', 'categories', 'digit', 'species', 'output']

/** `Class_ID` as [class, id]. */
const wordsOf = (heading: string): readonly string[] =>
  heading
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')

const having = (headings: readonly string[], words: readonly string[]): readonly number[] =>
  headings.flatMap((heading, at) => (wordsOf(heading).some((word) => words.includes(word)) ? [at] : []))

/** Columns, from 0, whose headings name a label. */
export function labelColumns(headings: readonly string[]): readonly number[] {
  const named = having(headings, LABEL)
  if (named.length > 0) return named
  const weaker = having(headings, WEAKER)
  // beside x and z, y is a coordinate: either may be the label
  const z = having(headings, ['z'])
  return weaker.length === 1 && z.length > 0 ? [...weaker, ...z] : weaker
}

/** Whether a heading is that of row numbers. */
export const namesRows = (heading: string): boolean => {
  const words = wordsOf(heading)
  return words.length === 0 || ['id', 'ids', 'index', 'idx', 'unnamed', 'row', 'nr', 'no'].some((word) => words.includes(word))
}

/** Whether a heading continues a series: `pixel783` after `pixel782`. */
export function endsSeries(headings: readonly string[]): boolean {
  const [before, last] = headings.slice(-2).map((heading) => heading.trim())
  const stem = (heading: string): string => heading.replace(/\d+/g, '#')
  return headings.length > 2 && /\D/.test(last) && /\d/.test(last) && stem(before) === stem(last)
}

const isWord = (cell: string): boolean =>
  cell !== '' && Number.isNaN(Number(cell)) && !/^[+-]?(?:nan|inf(?:inity)?)$/i.test(cell) && !isNumber(cell, 'comma')

/** Whether numbers count up from `from` in steps of 1. */
const countsFrom = (from: number, cells: readonly string[]): boolean => cells.every((cell, at) => cell === String(from + at))

/** The fewest columns for which a line that counts from 1 is a heading: with fewer it may equally be an example. */
const COUNTED_FROM_1 = 8

/** Whether a first line is a heading: words, numbers of columns, or both; `counted` where all of its cells are numbers. */
export function headingKind(line: readonly string[]): 'words' | 'counted' | null {
  const cells = line.map((cell) => cell.trim())
  // pandas leaves the heading of its index empty
  const named = cells[0] === '' ? cells.slice(1) : cells
  const [words, numbers] = [named.filter(isWord), named.filter((cell) => !isWord(cell))]
  if (words.length > 0 && numbers.length === 0) return 'words'
  if (numbers.length === 0 || !(countsFrom(0, numbers) || countsFrom(1, numbers))) return null
  if (words.length > 0) return numbers.length > 1 || labelColumns(words).length > 0 ? 'words' : null
  if (numbers.length < cells.length) return numbers.length > 1 ? 'words' : null
  return numbers.length >= (numbers[0] === '0' ? 3 : COUNTED_FROM_1) ? 'counted' : null
}
