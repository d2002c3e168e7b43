/** The rows of a product cut into tiles, each of one expert, for every way in which rows are grouped. */
import { add, ceilDivide, floorDivide, multiply, type Dim } from '../../../plan/dim.ts'
import type { Matmul } from '../../kernel/ir/matmul.ts'
import { variable } from '../../scalar/build.ts'
import type { Expression } from '../../scalar/expression.ts'
import type { Speller } from '../speller.ts'

export interface RowTiles {
  readonly count: Dim
  /** Rows in a full tile. */
  readonly height: number
  /** WGSL functions that `locate` calls. */
  readonly declarations: string
  /**
   * WGSL statements: from `row_tile: u32` to `expert: u32` and `row_count: u32`, the same for all invocations. They return where
   * the tile is empty, so row_count is at least 1 behind them.
   */
  readonly locate: readonly string[]
  /** The number of the tile's row at this place, a u32 below row_count. */
  readonly row: (place: string) => string
  /** What an operand along lines calls the first row of the tile; null where the rows of an expert are no lines side by side. */
  readonly firstLine: string | null
}

/** How high tiles are where `height` is wanted: one row where each looks up its own expert, the order's own height under one. */
export function tileHeight({ rowsOf }: Matmul, height: number): number {
  if (rowsOf.kind === 'direct') return 1
  return rowsOf.kind === 'ordered' ? rowsOf.tile : height
}

export function rowTiles(matmul: Matmul, wantedHeight: number, spell: Speller): RowTiles {
  const { rows, rowsOf } = matmul
  const height = tileHeight(matmul, wantedHeight)
  switch (rowsOf.kind) {
    case 'dense':
      return {
        count: ceilDivide(rows, height),
        height,
        declarations: '',
        locate: [
          'let expert = 0u;',
          `let first_row = row_tile * ${height}u;`,
          `let row_count = min(${height}u, ${spell.size(rows)} - first_row);`,
        ],
        row: (place) => `first_row + ${place}`,
        firstLine: 'first_row',
      }
    case 'batched': {
      const each = floorDivide(rows, rowsOf.batch)
      const tilesEach = ceilDivide(each, height)
      return {
        count: multiply(rowsOf.batch, tilesEach),
        height,
        declarations: '',
        locate: [
          `let expert = row_tile / ${spell.size(tilesEach)};`,
          `let first_in_batch = (row_tile - expert * ${spell.size(tilesEach)}) * ${height}u;`,
          `let first_row = expert * ${spell.size(each)} + first_in_batch;`,
          `let row_count = min(${height}u, ${spell.size(each)} - first_in_batch);`,
        ],
        row: (place) => `first_row + ${place}`,
        firstLine: 'first_in_batch',
      }
    }
    case 'direct':
      return {
        count: rows,
        height,
        declarations: `fn expert_of(row: u32) -> u32 {\n  return ${asU32(rowsOf.expert(variable('u32', 'row')), spell)};\n}\n`,
        // a row without an expert is left as it is
        locate: ['let expert = expert_of(row_tile);', `if (expert >= ${rowsOf.experts}u) { return; }`, 'let row_count = 1u;'],
        row: () => 'row_tile',
        firstLine: null,
      }
    case 'ordered': {
      const count = add(ceilDivide(rows, height), rowsOf.experts)
      const load = (index: string): string => `load_${rowsOf.buffer}(${index})`
      return {
        count,
        height,
        declarations: '',
        // a tile ends where the next one begins; tiles without an expert stand last, and there is one or more
        locate: [
          `let tile_entry = ${spell.size(rows)} + 2u * row_tile;`,
          `let tile_expert = ${load('tile_entry')};`,
          'if (tile_expert < 0) { return; }',
          'let expert = u32(tile_expert);',
          `let first_place = u32(${load('tile_entry + 1u')});`,
          `let row_count = min(${height}u, u32(${load('tile_entry + 3u')}) - first_place);`,
        ],
        row: (place) => `u32(${load(`first_place + ${place}`)})`,
        firstLine: null,
      }
    }
    default:
      throw new Error(`no such grouping: ${(rowsOf satisfies never as { kind: string }).kind}`)
  }
}

export function asU32(expression: Expression, spell: Speller): string {
  const text = spell.expression(expression)
  return expression.type === 'u32' ? text : `u32(${text})`
}
