/**
 * The layout of the buffer that `sort_by_expert` fills, i32 words: the numbers of N rows sorted stably by expert, then an
 * entry for each tile. A row without an expert is not sorted; ABSENT pads the row numbers, and a device leaves the padding
 * unwritten. A tile has up to `tile` sorted rows of one expert, and ends where the next one begins. Entries ascend by expert.
 * Unused entries come last; there is at least one. They hold ABSENT and the number of sorted rows.
 */
import { add, ceilDivide, multiply, subtract, type Dim } from '../../plan/dim.ts'

/** In place of a row number or of an expert. */
export const ABSENT = -1

/** The number of words of an entry, and the words of it: the expert, the first place in the sorted rows. */
export const ENTRY = { words: 2, expert: 0, first: 1 } as const

/** From the words of an entry on, where the next tile begins. */
export const NEXT_FIRST = ENTRY.words + ENTRY.first

/** How many entries there are for `rows` rows: each expert has at most one tile that is not full. */
export const tileCount = (rows: Dim, experts: number, tile: number): Dim => add(ceilDivide(rows, tile), experts)

/** The words of the buffer. */
export const sortedRowsLength = (rows: Dim, experts: number, tile: number): Dim =>
  add(rows, multiply(ENTRY.words, tileCount(rows, experts, tile)))

/** The word of the buffer that has the number of sorted rows. */
export const sortedCountIndex = (length: Dim): Dim => subtract(length, ENTRY.words - ENTRY.first)

/** The rows of each expert -> the words of the buffer. `rows` counts those without an expert too. */
export function encodeSortedRows(byExpert: readonly (readonly number[])[], rows: number, tile: number): readonly number[] {
  const sorted = byExpert.flat()
  const entries: number[] = []
  let first = 0
  for (const [expert, own] of byExpert.entries()) {
    for (let at = 0; at < own.length; at += tile) entries.push(expert, first + at)
    first += own.length
  }
  const words = ENTRY.words * (Math.ceil(rows / tile) + byExpert.length)
  while (entries.length < words) entries.push(ABSENT, sorted.length)
  return [...sorted, ...Array.from({ length: rows - sorted.length }, () => ABSENT), ...entries]
}

/** The rows of each expert in tiles, in sorted order. Throws where a sorted row is in no tile or in two. */
export function decodeSortedRows(words: ArrayLike<number>, rows: number, tile: number): ReadonlyMap<number, readonly number[]> {
  const byExpert = new Map<number, number[]>()
  const seen = new Set<number>()
  for (let entry = rows; entry < words.length; entry += ENTRY.words) {
    const [expert, first] = [words[entry + ENTRY.expert], words[entry + ENTRY.first]]
    if (expert < 0) continue
    const own = byExpert.get(expert) ?? []
    byExpert.set(expert, own)
    for (let place = first; place < Math.min(first + tile, words[entry + NEXT_FIRST]); place++) {
      const row = words[place]
      if (seen.has(row)) throw new Error(`row ${row} is in two tiles`)
      seen.add(row)
      own.push(row)
    }
  }
  const sorted = words[words.length - 1]
  if (seen.size !== sorted) throw new Error(`${seen.size} of ${sorted} sorted rows are in tiles`)
  return byExpert
}
