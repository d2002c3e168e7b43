import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { constantValue, dim } from '../../plan/dim.ts'
import {
  ABSENT,
  decodeSortedRows,
  encodeSortedRows,
  sortedCountIndex,
  sortedRowsLength,
  tileCount,
} from '../../compiler/graph/sorted-rows.ts'
import { assertProperty } from '../support/property.ts'

describe('the layout of rows sorted by expert', () => {
  it('is row numbers, padding, then the expert and the first place of each tile', () => {
    const words = encodeSortedRows([[1, 4, 5], [], [0]], 6, 2)
    const entries = [
      [0, 0],
      [0, 2],
      [2, 3],
      [ABSENT, 4],
      [ABSENT, 4],
      [ABSENT, 4],
    ]
    expect(words).toEqual([1, 4, 5, 0, ABSENT, ABSENT, ...entries.flat()])
  })

  const routing = fc.record({
    experts: fc.array(fc.integer({ min: ABSENT, max: 4 }), { maxLength: 30 }),
    tile: fc.integer({ min: 1, max: 8 }),
  })

  it('decodes to the rows that were encoded, in a buffer of the stated length, with the stated count', () => {
    assertProperty(
      fc.property(routing, ({ experts, tile }) => {
        const byExpert = Array.from({ length: 5 }, (_, own) => [...experts.keys()].filter((row) => experts[row] === own))
        const rows = experts.length
        const words = encodeSortedRows(byExpert, rows, tile)
        expect(constantValue(sortedRowsLength(dim(rows), 5, tile))).toBe(words.length)
        expect((words.length - rows) / 2).toBe(constantValue(tileCount(dim(rows), 5, tile)))
        expect(words[constantValue(sortedCountIndex(dim(words.length)))!]).toBe(byExpert.flat().length)
        const used = byExpert.flatMap((own, expert) => (own.length === 0 ? [] : [[expert, own] as const]))
        expect([...decodeSortedRows(words, rows, tile)]).toEqual(used)
      }),
      200,
    )
  })

  it('refuses a row that is in two tiles, and a sorted row that is in none', () => {
    const words = encodeSortedRows([[0, 1], [2]], 3, 2)
    expect(() => decodeSortedRows(words.with(1, 0), 3, 2)).toThrow('row 0 is in two tiles')
    expect(() => decodeSortedRows(words.with(5, ABSENT), 3, 2)).toThrow('2 of 3 sorted rows are in tiles')
  })
})
