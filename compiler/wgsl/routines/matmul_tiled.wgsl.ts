/**
 * A matrix product for GPUs: a workgroup brings a block of depth of its rows and columns into workgroup memory, each invocation
 * multiplies a register tile out of it. All barriers stand in loops over uniform sizes.
 */
import type { Matmul, Operand } from '../../kernel/ir/matmul.ts'
import type { RoutineText } from '../routine.ts'
import type { Speller } from '../speller.ts'
import { liesAlongLines, turned } from './lines.ts'
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
    step: 4,
    width: (): 4 => 4,
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
      ...indent(
        copies(matmul, tile, parts, cut.lanes).flatMap((copy) => copy.run),
        1,
      ),
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

/** An operand's block of depth in workgroup memory. */
interface Block {
  readonly name: string
  readonly operand: Operand
  readonly height: number
  /** Along the depth: where a line starts. */
  readonly start: (line: string) => string
  /** Along the lines: the lines of the block's own first line, and how many there are of it at most. */
  readonly first: string
  readonly count: string
}

function copies(matmul: Matmul, tile: TiledTile, parts: Parts, lanes: number): readonly Copy[] {
  const blocks: readonly Block[] = [
    {
      name: 'left',
      operand: matmul.left,
      height: tile.rows,
      first: parts.tiles.firstLine ?? '',
      count: 'row_count',
      start: (line) => `left_start(${parts.tiles.row(`min(${line}, row_count - 1u)`)})`,
    },
    ...matmul.products.map((operand, p): Block => ({
      name: `bank${p}`,
      operand,
      height: tile.columns,
      first: 'first_column',
      count: `(${parts.columns} - first_column)`,
      start: (line) => `bank${p}_start(expert, min(first_column + ${line}, ${parts.columns} - 1u))`,
    })),
  ]
  return blocks.flatMap((block) =>
    liesAlongLines(block.operand) ? copyAlongLines(block, tile, parts, lanes) : copyAlongDepth(block, tile, parts, lanes),
  )
}

/** Each invocation copies vectors lane, lane + lanes, ... of every block; behind the end of the depth stand zeros. */
function copyAlongDepth({ name, operand, height, start }: Block, tile: TiledTile, parts: Parts, lanes: number): readonly Copy[] {
  return upTo(Math.ceil((height * tile.depth) / lanes)).map((i) => {
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
        `  if (k + ${id}_depth < ${parts.depthUnits}) { value = ${parts.load(operand, `${id}_start + k`)}; }`,
        isWhole ? `  ${write}` : `  if (${id}_line < ${height}u) { ${write} }`,
        '}',
      ],
    }
  })
}

/** Each invocation turns four depths of four lines at a time; neighbours take neighbouring lines. */
function copyAlongLines(
  { name, operand, height, first, count }: Block,
  tile: TiledTile,
  parts: Parts,
  lanes: number,
): readonly Copy[] {
  const quads = height / 4
  return upTo(Math.ceil((quads * tile.depth) / lanes)).map((i) => {
    const id = `${name}_${i}`
    const isWhole = (i + 1) * lanes <= quads * tile.depth
    const vectors = upTo(4).map((u) => `value${u}`)
    const loads = vectors.flatMap((vector, u) => {
      const at = `${name}_at(expert, ${parts.depth.at(`at + ${u}u`)}) + ${id}_lines`
      return [
        `  var ${vector} = vec4<f32>();`,
        `  if (at + ${u}u < ${parts.depth.count}) { ${vector} = ${parts.load(operand, at)}; }`,
      ]
    })
    const writes = upTo(4).map(
      (line) => `${name}_block[(4u * ${id}_quad + ${line}u) * ${stride(tile)}u + ${id}_depth] = ${turned(vectors, line)};`,
    )
    return {
      prepare: [
        `let ${id}_quad = (lane + ${i * lanes}u) % ${quads}u;`,
        `let ${id}_depth = (lane + ${i * lanes}u) / ${quads}u;`,
        `let ${id}_lines = (${first} + min(4u * ${id}_quad, ${count} - 4u)) / 4u;`,
      ],
      run: [
        '{',
        `  let at = 4u * (k + ${id}_depth);`,
        ...loads,
        ...(isWhole
          ? writes.map((write) => `  ${write}`)
          : [`  if (${id}_depth < ${tile.depth}u) {`, ...writes.map((write) => `    ${write}`), '  }']),
        '}',
      ],
    }
  })
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
