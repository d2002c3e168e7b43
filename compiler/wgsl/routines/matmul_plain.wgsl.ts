/**
 * A matrix product that asks nothing of adapter, sizes or alignment: every invocation makes a few rows of a few columns by
 * itself. Where the operands are aligned it reads vectors.
 */
import type { Matmul } from '../../kernel/matmul.ts'
import type { RoutineText } from '../routine.ts'
import type { Speller } from '../speller.ts'
import {
  clampedColumn, clampedRow, declareSums, finishBlock, forRowBlocks, frameMatmul, indent, readsVectors, upTo,
  type Parts, type RowBlock,
} from './matmul-frame.ts'

export interface PlainTile {
  readonly lanes: number
  readonly rows: number
  /** Columns of a lane. */
  readonly columns: number
}

export function emitMatmulPlain(matmul: Matmul, tile: PlainTile, spell: Speller): RoutineText {
  const cut = {
    rows: tile.rows,
    columns: tile.columns * tile.lanes,
    lanes: tile.lanes,
    next: 'rows',
    needsSubgroups: false,
    workgroupBytes: 0,
    vectors: readsVectors(matmul),
  } as const
  return frameMatmul(matmul, cut, spell, (parts) => ({
    declarations: '',
    statements: [
      ...columnStarts(tile, parts),
      ...forRowBlocks(parts.tiles, tile.rows, (block) => [
        ...upTo(block.rows).map((r) => `let left${r} = left_start(${clampedRow(parts.tiles, block.place(`${r}u`))});`),
        ...declareSums(parts, block.rows, tile.columns),
        `for (var k = 0u; k < ${parts.depthUnits}; k++) {`,
        ...indent(step(matmul, tile, parts, block), 1),
        '}',
        ...finishBlock(parts, block, upTo(tile.columns).map((v) => `column${v}`)),
      ]),
    ],
  }))
}

const columnStarts = (tile: PlainTile, parts: Parts): readonly string[] =>
  upTo(tile.columns).flatMap((v) => [
    `let column${v} = first_column + ${v * tile.lanes}u + lane;`,
    ...parts.products.map((p) => `let bank${p}_${v} = bank${p}_start(expert, ${clampedColumn(parts, `column${v}`)});`),
  ])

function step(matmul: Matmul, tile: PlainTile, parts: Parts, block: RowBlock): readonly string[] {
  const lefts = upTo(block.rows).map((r) => `let a${r} = ${parts.load(matmul.left.buffer, `left${r} + k`)};`)
  const products = upTo(tile.columns).flatMap((v) =>
    parts.products.flatMap((p) => [
      `let b${p}_${v} = ${parts.load(matmul.products[p].buffer, `bank${p}_${v} + k`)};`,
      ...upTo(block.rows).map((r) => `s${p}_${r}_${v} += ${parts.times(`a${r}`, `b${p}_${v}`)};`),
    ]),
  )
  return [...lefts, ...products]
}
