/**
 * A matrix product for GPUs: a workgroup brings a block of depth of its rows and columns into workgroup memory, each invocation
 * multiplies a register tile out of it. All barriers stand in loops over uniform sizes.
 */
import type { Matmul } from '../../kernel/matmul.ts'
import type { RoutineText } from '../routine.ts'
import type { Speller } from '../speller.ts'
import { declareSums, frameMatmul, indent, upTo, type Parts } from './matmul-frame.ts'
import { tileHeight } from './row-tiles.ts'

export interface TiledTile {
  readonly rows: number
  readonly columns: number
  /** Vectors of depth in a block. */
  readonly depth: number
  /** The register tile. */
  readonly rowsEach: number
  readonly columnsEach: number
}

export const tiledInvocations = (tile: TiledTile): number => (tile.rows / tile.rowsEach) * (tile.columns / tile.columnsEach)

/** One vector more than the block is deep: neighbouring rows then start in different banks. */
const stride = (tile: TiledTile): number => tile.depth + 1

export const tiledWorkgroupBytes = (matmul: Matmul, tile: TiledTile): number =>
  16 * stride(tile) * (tile.rows + tile.columns * matmul.products.length)

/** Needs aligned operands; an ordered grouping sets the rows of the tile. */
export function emitMatmulTiled(matmul: Matmul, wanted: TiledTile, spell: Speller): RoutineText {
  // rows beyond the tile's own are computed and dropped, so a grouping with lower tiles keeps the shape of the workgroup
  const rows = Math.max(wanted.rowsEach, Math.ceil(tileHeight(matmul, wanted.rows) / wanted.rowsEach) * wanted.rowsEach)
  const tile = { ...wanted, rows }
  const cut = {
    rows,
    columns: tile.columns,
    lanes: tiledInvocations(tile),
    next: 'rows',
    needsSubgroups: false,
    workgroupBytes: tiledWorkgroupBytes(matmul, tile),
    vectors: true,
  } as const
  return frameMatmul(matmul, cut, spell, (parts) => ({
    declarations: [
      `var<workgroup> left_block: array<vec4<f32>, ${tile.rows * stride(tile)}>;`,
      ...parts.products.map((p) => `var<workgroup> bank${p}_block: array<vec4<f32>, ${tile.columns * stride(tile)}>;`),
      '',
    ].join('\n'),
    statements: [
      `let x = lane % ${tile.columns / tile.columnsEach}u;`,
      `let y = lane / ${tile.columns / tile.columnsEach}u;`,
      ...copies(matmul, tile, parts, cut.lanes).flatMap((copy) => copy.prepare),
      ...declareSums(parts, tile.rowsEach, tile.columnsEach),
      `for (var k = 0u; k < ${parts.depthUnits}; k += ${tile.depth}u) {`,
      ...indent(copies(matmul, tile, parts, cut.lanes).flatMap((copy) => copy.run), 1),
      '  workgroupBarrier();',
      `  for (var j = 0u; j < ${tile.depth}u; j++) {`,
      ...indent(multiplyBlock(tile, parts), 2),
      '  }',
      '  workgroupBarrier();',
      '}',
      ...finish(tile, parts),
    ],
  }))
}

interface Copy {
  /** Where this invocation reads from, found once. */
  readonly prepare: readonly string[]
  readonly run: readonly string[]
}

/** Each invocation copies vectors lane, lane + lanes, ... of every block; behind the end of the depth stand zeros. */
function copies(matmul: Matmul, tile: TiledTile, parts: Parts, lanes: number): readonly Copy[] {
  const block = (name: string, buffer: string, height: number, start: (line: string) => string): readonly Copy[] =>
    upTo(Math.ceil((height * tile.depth) / lanes)).map((i) => {
      const id = `${name}_${i}`
      const isWhole = (i + 1) * lanes <= height * tile.depth
      const write = `${name}_block[${id}_line * ${stride(tile)}u + ${id}_depth] = value;`
      return {
        prepare: [
          `let ${id}_line = (lane + ${i * lanes}u) / ${tile.depth}u;`,
          `let ${id}_depth = (lane + ${i * lanes}u) % ${tile.depth}u;`,
          `let ${id}_start = ${start(`${id}_line`)} + ${id}_depth;`,
        ],
        run: [
          '{',
          '  var value = vec4<f32>();',
          `  if (k + ${id}_depth < ${parts.depthUnits}) { value = ${parts.load(buffer, `${id}_start + k`)}; }`,
          isWhole ? `  ${write}` : `  if (${id}_line < ${height}u) { ${write} }`,
          '}',
        ],
      }
    })
  return [
    ...block('left', matmul.left.buffer, tile.rows, (line) => `left_start(${parts.tiles.row(`min(${line}, row_count - 1u)`)})`),
    ...parts.products.flatMap((p) =>
      block(`bank${p}`, matmul.products[p].buffer, tile.columns, (line) =>
        `bank${p}_start(expert, min(first_column + ${line}, ${parts.columns} - 1u))`,
      ),
    ),
  ]
}

/** Rows and columns of an invocation lie a whole workgroup apart: neighbours read neighbouring lines. */
function multiplyBlock(tile: TiledTile, parts: Parts): readonly string[] {
  const [height, width] = [tile.rows / tile.rowsEach, tile.columns / tile.columnsEach]
  return [
    ...upTo(tile.rowsEach).map((r) => `let a${r} = left_block[(y + ${r * height}u) * ${stride(tile)}u + j];`),
    ...upTo(tile.columnsEach).flatMap((v) =>
      parts.products.flatMap((p) => [
        `let b${p}_${v} = bank${p}_block[(x + ${v * width}u) * ${stride(tile)}u + j];`,
        ...upTo(tile.rowsEach).map((r) => `s${p}_${r}_${v} += ${parts.times(`a${r}`, `b${p}_${v}`)};`),
      ]),
    ),
  ]
}

function finish(tile: TiledTile, parts: Parts): readonly string[] {
  const [height, width] = [tile.rows / tile.rowsEach, tile.columns / tile.columnsEach]
  return upTo(tile.rowsEach).flatMap((r) => [
    `if (y + ${r * height}u < row_count) {`,
    `  let row = ${parts.tiles.row(`(y + ${r * height}u)`)};`,
    ...upTo(tile.columnsEach).map((v) => {
      const column = `first_column + x + ${v * width}u`
      const call = `finish(row, ${column}, ${parts.products.map((p) => `s${p}_${r}_${v}`).join(', ')});`
      return parts.columnsFit ? `  ${call}` : `  if (${column} < ${parts.columns}) { ${call} }`
    }),
    '}',
  ])
}
