/**
 * A matrix product for processors that run a subgroup as one thread. One subgroup makes a tile of `rows` rows by `columns` columns a lane:
 * each vector of the left rows is loaded by one lane and broadcast, each vector of the weights serves all rows of the tile. No barriers.
 */
import type { Matmul } from '../../kernel/matmul.ts'
import type { RoutineText } from '../routine.ts'
import type { Speller } from '../speller.ts'
import { clampedColumn, clampedRow, declareSums, finishBlock, frameMatmul, indent, isMultiple, upTo, type Parts } from './matmul-frame.ts'

export interface SubgroupTile {
  /** Lanes of a subgroup. */
  readonly lanes: number
  readonly rows: number
  /** Columns of a lane. */
  readonly columns: number
  /** Vectors of depth that are held at once; it divides the lanes. */
  readonly depth: number
  /** Whether the blocks of a chunk are a loop: less code to compile, and shuffles in the place of broadcasts. */
  readonly rolled: boolean
  readonly next: 'rows' | 'columns'
}

/** Needs aligned operands and a subgroup of exactly `lanes` lanes. */
export function emitMatmulSubgroup(matmul: Matmul, tile: SubgroupTile, spell: Speller): RoutineText {
  const cut = {
    rows: tile.rows,
    columns: tile.columns * tile.lanes,
    lanes: tile.lanes,
    next: tile.next,
    needsSubgroups: true,
    workgroupBytes: 0,
    vectors: true,
  }
  return frameMatmul(matmul, cut, spell, (parts) => ({
    declarations: '',
    statements: [
      ...declare(tile, parts),
      ...chunks(matmul, tile, parts),
      ...tail(matmul, tile, parts),
      ...finishBlock(parts, { rows: parts.tiles.height, place: (r) => r }, upTo(tile.columns).map((v) => `column${v}`)),
    ],
  }))
}

const rowsOf = (parts: Parts): readonly number[] => upTo(parts.tiles.height)

function declare(tile: SubgroupTile, parts: Parts): readonly string[] {
  const { products } = parts
  return [
    ...upTo(tile.columns).map((v) => `let column${v} = first_column + ${v * tile.lanes}u + lane;`),
    ...upTo(tile.columns).flatMap((v) =>
      products.map((p) => `let bank${p}_${v} = bank${p}_start(expert, ${clampedColumn(parts, `column${v}`)});`),
    ),
    ...rowsOf(parts).map((r) => `let left${r} = left_start(${clampedRow(parts.tiles, `${r}u`)});`),
    ...declareSums(parts, parts.tiles.height, tile.columns),
  ]
}

/** Whole chunks: a vector of depth for every lane. */
function chunks(matmul: Matmul, tile: SubgroupTile, parts: Parts): readonly string[] {
  const whole = isMultiple(matmul.depth, 4 * tile.lanes) ? parts.depthUnits : `(${parts.depthUnits} / ${tile.lanes}u) * ${tile.lanes}u`
  return [
    `let chunked = ${whole};`,
    `for (var k = 0u; k < chunked; k += ${tile.lanes}u) {`,
    ...indent(rowsOf(parts).map((r) => `let a${r} = ${parts.load(matmul.left.buffer, `left${r} + k + lane`)};`), 1),
    ...indent(depthBlocks(matmul, tile, parts), 1),
    '}',
  ]
}

/** Each block holds its weights while all rows pass by. */
function depthBlocks(matmul: Matmul, tile: SubgroupTile, parts: Parts): readonly string[] {
  const count = tile.lanes / tile.depth
  if (tile.rolled && count > 1) {
    const head = `for (var j = 0u; j < ${tile.lanes}u; j += ${tile.depth}u) {`
    return [head, ...indent(depthBlock(matmul, tile, parts, 'subgroupShuffle', (u) => `j + ${u}u`), 1), '}']
  }
  return upTo(count).flatMap((block) => [
    '{',
    ...indent(depthBlock(matmul, tile, parts, 'subgroupBroadcast', (u) => `${block * tile.depth + u}u`), 1),
    '}',
  ])
}

function depthBlock(
  matmul: Matmul,
  tile: SubgroupTile,
  parts: Parts,
  spread: 'subgroupBroadcast' | 'subgroupShuffle',
  laneAt: (step: number) => string,
): readonly string[] {
  const steps = upTo(tile.depth)
  const weights = steps.flatMap((u) => loadWeights(matmul, tile, parts, `k + ${laneAt(u)}`, `_${u}`))
  const sums = rowsOf(parts).flatMap((r) =>
    steps.flatMap((u) => [
      `let x${r}_${u} = ${spread}(a${r}, ${laneAt(u)});`,
      ...addProducts(tile, parts, r, `x${r}_${u}`, `_${u}`),
    ]),
  )
  return [...weights, ...sums]
}

const loadWeights = (matmul: Matmul, tile: SubgroupTile, parts: Parts, k: string, suffix: string): readonly string[] =>
  upTo(tile.columns).flatMap((v) =>
    parts.products.map((p) => `let b${p}_${v}${suffix} = ${parts.load(matmul.products[p].buffer, `bank${p}_${v} + ${k}`)};`),
  )

const addProducts = (tile: SubgroupTile, parts: Parts, r: number, x: string, suffix: string): readonly string[] =>
  upTo(tile.columns).flatMap((v) => parts.products.map((p) => `s${p}_${r}_${v} += ${parts.times(x, `b${p}_${v}${suffix}`)};`))

/** What is left of the depth: every lane loads the left rows itself. */
function tail(matmul: Matmul, tile: SubgroupTile, parts: Parts): readonly string[] {
  if (isMultiple(matmul.depth, 4 * tile.lanes)) return []
  const sums = rowsOf(parts).flatMap((r) => [
    `let x${r} = ${parts.load(matmul.left.buffer, `left${r} + k`)};`,
    ...addProducts(tile, parts, r, `x${r}`, ''),
  ])
  return [
    `for (var k = chunked; k < ${parts.depthUnits}; k++) {`,
    ...indent([...loadWeights(matmul, tile, parts, 'k', ''), ...sums], 1),
    '}',
  ]
}
