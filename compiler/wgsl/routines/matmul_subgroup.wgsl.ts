/**
 * A matrix product for processors that run a subgroup as one thread. A subgroup makes a tile of `rows` rows by `columns` columns
 * a lane. Each lane loads the left vectors of its own rows and broadcasts them, each vector of the weights serves all rows of the
 * tile: nothing is loaded twice, and no barrier is needed.
 */
import type { Matmul } from '../../kernel/matmul.ts'
import type { RoutineText } from '../routine.ts'
import type { Speller } from '../speller.ts'
import {
  clampedColumn, clampedRow, declareSums, finishBlock, frameMatmul, indent, isMultiple, upTo, type Parts,
} from './matmul-frame.ts'

export interface SubgroupTile {
  /** Lanes of a subgroup. */
  readonly lanes: number
  /** Best a multiple of the lanes. */
  readonly rows: number
  /** Columns of a lane. */
  readonly columns: number
  /** Vectors of depth in a step of the loop. */
  readonly depth: number
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
      ...depthLoop(matmul, tile, parts),
      ...finishBlock(parts, { rows: parts.tiles.height, place: (r) => r }, upTo(tile.columns).map((v) => `column${v}`)),
    ],
  }))
}

/** Rows of a tile beyond the lanes take another vector a lane. */
const leftVectors = (tile: SubgroupTile, parts: Parts): readonly number[] => upTo(Math.ceil(parts.tiles.height / tile.lanes))

function declare(tile: SubgroupTile, parts: Parts): readonly string[] {
  return [
    ...upTo(tile.columns).map((v) => `let column${v} = first_column + ${v * tile.lanes}u + lane;`),
    ...upTo(tile.columns).flatMap((v) =>
      parts.products.map((p) => `let bank${p}_${v} = bank${p}_start(expert, ${clampedColumn(parts, `column${v}`)});`),
    ),
    ...leftVectors(tile, parts).map((g) => `let left${g} = left_start(${clampedRow(parts.tiles, `lane + ${g * tile.lanes}u`)});`),
    ...declareSums(parts, parts.tiles.height, tile.columns),
  ]
}

function depthLoop(matmul: Matmul, tile: SubgroupTile, parts: Parts): readonly string[] {
  const { depthUnits } = parts
  const single = (depth: number): readonly string[] => indent(step(matmul, tile, parts, depth), 1)
  const isWhole = isMultiple(matmul.depth, 4 * tile.depth)
  const whole = isWhole || tile.depth === 1 ? depthUnits : `${depthUnits} / ${tile.depth}u * ${tile.depth}u`
  const loop = [`var k = 0u;`, `for (; k < ${whole}; k += ${tile.depth}u) {`, ...single(tile.depth), '}']
  return isWhole || tile.depth === 1 ? loop : [...loop, `for (; k < ${depthUnits}; k++) {`, ...single(1), '}']
}

/** All that is read of one line of the cache is read together: columns a power of two apart push each other out. */
function step(matmul: Matmul, tile: SubgroupTile, parts: Parts, depth: number): readonly string[] {
  const steps = upTo(depth)
  const at = (start: string, u: number): string => (u === 0 ? `${start} + k` : `${start} + k + ${u}u`)
  return [
    ...leftVectors(tile, parts).flatMap((g) =>
      steps.map((u) => `let a${g}_${u} = ${parts.load(matmul.left.buffer, at(`left${g}`, u))};`),
    ),
    ...upTo(tile.columns).flatMap((v) =>
      parts.products.flatMap((p) =>
        steps.map((u) => `let b${p}_${v}_${u} = ${parts.load(matmul.products[p].buffer, at(`bank${p}_${v}`, u))};`),
      ),
    ),
    ...upTo(parts.tiles.height).flatMap((r) =>
      steps.flatMap((u) => [
        `let x${r}_${u} = subgroupBroadcast(a${Math.floor(r / tile.lanes)}_${u}, ${r % tile.lanes}u);`,
        ...upTo(tile.columns).flatMap((v) =>
          parts.products.map((p) => `s${p}_${r}_${v} += ${parts.times(`x${r}_${u}`, `b${p}_${v}_${u}`)};`),
        ),
      ]),
    ),
  ]
}
