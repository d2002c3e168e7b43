/** The rows of a matmul cut into tiles, each of one expert, for every grouping of rows. */
import { ceilDivide, floorDivide, multiply, type Dim } from '../../../plan/dim.ts'
import { ENTRY, NEXT_FIRST, tileCount } from '../../graph/sorted-rows.ts'
import type { Matmul } from '../../kernel/ir/matmul.ts'
import type { Expression } from '../../scalar/expression.ts'
import type { ScalarEmitter } from '../scalar-emitter.ts'
import { entryAt, wordAt } from './sorted-rows.ts'

export interface RowTiles {
  readonly count: Dim
  /** Rows of a full tile. */
  readonly height: number
  /** WGSL functions that `locate` calls. */
  readonly declarations: string
  /**
   * WGSL statements that define `expert: u32` and `row_count: u32` from `row_tile: u32`, uniform. They return where the tile is
   * empty, so row_count is at least 1 after them.
   */
  readonly locate: readonly string[]
  /** The row at a position in the tile, a u32 below row_count. */
  readonly row: (place: string) => string
  /** The index of the tile's first row in an MN-major operand; null where the rows of an expert are not neighbours. */
  readonly firstIndex: string | null
}

/**
 * The rows of a tile where `height` is wanted: 1 where each row looks up its expert, the height of the sort where rows are
 * sorted.
 */
export function tileHeight({ rowGrouping }: Matmul, height: number): number {
  if (rowGrouping.kind === 'lookup') return 1
  return rowGrouping.kind === 'sorted' ? rowGrouping.tile : height
}

export function rowTiles(matmul: Matmul, wantedHeight: number, emit: ScalarEmitter): RowTiles {
  const { rows, rowGrouping } = matmul
  const height = tileHeight(matmul, wantedHeight)
  switch (rowGrouping.kind) {
    case 'dense':
      return {
        count: ceilDivide(rows, height),
        height,
        declarations: '',
        locate: [
          'let expert = 0u;',
          `let first_row = row_tile * ${height}u;`,
          `let row_count = min(${height}u, ${emit.size(rows)} - first_row);`,
        ],
        row: (place) => `first_row + ${place}`,
        firstIndex: 'first_row',
      }
    case 'batched': {
      const each = floorDivide(rows, rowGrouping.batch)
      const tilesEach = ceilDivide(each, height)
      return {
        count: multiply(rowGrouping.batch, tilesEach),
        height,
        declarations: '',
        locate: [
          `let expert = row_tile / ${emit.size(tilesEach)};`,
          `let first_in_batch = (row_tile - expert * ${emit.size(tilesEach)}) * ${height}u;`,
          `let first_row = expert * ${emit.size(each)} + first_in_batch;`,
          `let row_count = min(${height}u, ${emit.size(each)} - first_in_batch);`,
        ],
        row: (place) => `first_row + ${place}`,
        firstIndex: 'first_in_batch',
      }
    }
    case 'lookup':
      return {
        count: rows,
        height,
        declarations: `fn expert_of(row: u32) -> u32 {\n  return ${asU32(rowGrouping.expert, emit)};\n}\n`,
        // a row without an expert is not written
        locate: [
          'let expert = expert_of(row_tile);',
          `if (expert >= ${rowGrouping.experts}u) { return; }`,
          'let row_count = 1u;',
        ],
        row: () => 'row_tile',
        firstIndex: null,
      }
    case 'sorted': {
      const load = (index: string): string => `load_${rowGrouping.buffer}(${index})`
      return {
        count: tileCount(rows, rowGrouping.experts, height),
        height,
        declarations: '',
        // a tile ends where the next one begins; tiles without an expert come last, and there is at least one
        locate: [
          `let tile_entry = ${entryAt(emit.size(rows), 'row_tile')};`,
          `let tile_expert = ${load(wordAt('tile_entry', ENTRY.expert))};`,
          'if (tile_expert < 0) { return; }',
          'let expert = u32(tile_expert);',
          `let first_place = u32(${load(wordAt('tile_entry', ENTRY.first))});`,
          `let row_count = min(${height}u, u32(${load(wordAt('tile_entry', NEXT_FIRST))}) - first_place);`,
        ],
        row: (place) => `u32(${load(`first_place + ${place}`)})`,
        firstIndex: null,
      }
    }
    default:
      throw new Error(`no such grouping: ${(rowGrouping satisfies never as { kind: string }).kind}`)
  }
}

export function asU32(expression: Expression, emit: ScalarEmitter): string {
  const text = emit.expression(expression)
  return expression.type === 'u32' ? text : `u32(${text})`
}
