/**
 * A matrix product for processors that run a subgroup as one thread. One subgroup makes a tile of `rows` rows by `columns` columns a lane:
 * each vector of the left rows is loaded by one lane and broadcast, each vector of the weights serves all rows of the tile. No barriers.
 */
import type { Matmul } from '../../kernel/matmul.ts'
import type { RoutineText } from '../routine.ts'
import type { Speller } from '../speller.ts'
import { clampedColumn, clampedRow, frameMatmul, indent, isMultiple, upTo, type Parts } from './matmul-frame.ts'

export interface SubgroupTile {
  /** Lanes of a subgroup. */
  readonly lanes: number
  readonly rows: number
  /** Columns of a lane. */
  readonly columns: number
  /** Vectors of depth that are held at once; it divides the lanes. */
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
    statements: [...declare(tile, parts), ...chunks(matmul, tile, parts), ...tail(matmul, tile, parts), ...finish(tile, parts)],
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
    ...rowsOf(parts).flatMap((r) => upTo(tile.columns).flatMap((v) => products.map((p) => `var s${p}_${r}_${v} = 0.0;`))),
  ]
}

/** Whole chunks: a vector of depth for every lane. */
function chunks(matmul: Matmul, tile: SubgroupTile, parts: Parts): readonly string[] {
  const whole = isMultiple(matmul.depth, 4 * tile.lanes) ? parts.depthUnits : `(${parts.depthUnits} / ${tile.lanes}u) * ${tile.lanes}u`
  return [
    `let chunked = ${whole};`,
    `for (var k = 0u; k < chunked; k += ${tile.lanes}u) {`,
    ...indent(rowsOf(parts).map((r) => `let a${r} = load4_LEFT(left${r} + k + lane);`.replace('LEFT', matmul.left.buffer)), 1),
    ...upTo(tile.lanes / tile.depth).flatMap((block) => indent(depthBlock(matmul, tile, parts, block * tile.depth), 1)),
    '}',
  ]
}

function depthBlock(matmul: Matmul, tile: SubgroupTile, parts: Parts, from: number): readonly string[] {
  const steps = upTo(tile.depth)
  const weights = steps.flatMap((u) => loadWeights(matmul, tile, parts, `k + ${from + u}u`, `_${u}`))
  const sums = rowsOf(parts).flatMap((r) =>
    steps.flatMap((u) => [
      `let x${r}_${u} = subgroupBroadcast(a${r}, ${from + u}u);`,
      ...addProducts(tile, parts, r, `x${r}_${u}`, `_${u}`),
    ]),
  )
  return ['{', ...indent([...weights, ...sums], 1), '}']
}

const loadWeights = (matmul: Matmul, tile: SubgroupTile, parts: Parts, k: string, suffix: string): readonly string[] =>
  upTo(tile.columns).flatMap((v) =>
    parts.products.map((p) => `let b${p}_${v}${suffix} = load4_${matmul.products[p].buffer}(bank${p}_${v} + ${k});`),
  )

const addProducts = (tile: SubgroupTile, parts: Parts, r: number, x: string, suffix: string): readonly string[] =>
  upTo(tile.columns).flatMap((v) => parts.products.map((p) => `s${p}_${r}_${v} += dot(${x}, b${p}_${v}${suffix});`))

/** What is left of the depth: every lane loads the left rows itself. */
function tail(matmul: Matmul, tile: SubgroupTile, parts: Parts): readonly string[] {
  if (isMultiple(matmul.depth, 4 * tile.lanes)) return []
  const sums = rowsOf(parts).flatMap((r) => [
    `let x${r} = load4_${matmul.left.buffer}(left${r} + k);`,
    ...addProducts(tile, parts, r, `x${r}`, ''),
  ])
  return [
    `for (var k = chunked; k < ${parts.depthUnits}; k++) {`,
    ...indent([...loadWeights(matmul, tile, parts, 'k', ''), ...sums], 1),
    '}',
  ]
}

/** The sums pass through an array so that the epilogue's text stands once a column. */
function finish(tile: SubgroupTile, parts: Parts): readonly string[] {
  const { products, tiles } = parts
  const width = tile.columns * products.length
  const at = (v: number, p: number): number => v * products.length + p
  return [
    `var sums: array<f32, ${tiles.height * width}>;`,
    ...rowsOf(parts).flatMap((r) =>
      upTo(tile.columns).flatMap((v) => products.map((p) => `sums[${r * width + at(v, p)}] = s${p}_${r}_${v};`)),
    ),
    'for (var r = 0u; r < row_count; r++) {',
    `  let row = ${tiles.row('r')};`,
    ...upTo(tile.columns).map((v) => {
      const values = products.map((p) => `sums[r * ${width}u + ${at(v, p)}u]`).join(', ')
      const call = `finish(row, column${v}, ${values});`
      return parts.columnsFit ? `  ${call}` : `  if (column${v} < ${parts.columns}) { ${call} }`
    }),
    '}',
  ]
}
