/** WGSL indices into the buffer of rows sorted by expert, as `graph/sorted-rows.ts` lays it out. */
import { ENTRY } from '../../graph/sorted-rows.ts'

/** The index of a tile's entry, of the number of rows and the tile's number. */
export const entryAt = (rows: string, tile: string): string => `${rows} + ${ENTRY.words}u * ${tile}`

/** The index of a word of an entry. */
export const wordAt = (entry: string, word: number): string => (word === 0 ? entry : `${entry} + ${word}u`)
