/**
 * A matmul for GPUs: a workgroup copies a block of K of its rows and columns into workgroup memory; each thread multiplies a
 * register tile from it. All barriers are in loops with uniform bounds.
 */
import type { TiledTile } from '../../../plan/tiles.ts'
import type { Matmul, Operand } from '../../kernel/ir/matmul.ts'
import type { TemplateCode } from '../template-code.ts'
import type { ScalarEmitter } from '../scalar-emitter.ts'
import { isMnMajor, transposedVec4 } from './mn-major.ts'
import { declareSums, emitMatmulEntry, indent, upTo, type TemplateContext } from './matmul-entry.ts'
import { tileHeight } from './row-tiles.ts'

export const tiledInvocations = (tile: TiledTile): number => (tile.rows / tile.rowsEach) * (tile.columns / tile.columnsEach)

/** One vector more than a block has, so that neighbouring rows start in different memory banks. */
const stride = (tile: TiledTile): number => tile.kVectors + 1

export const tiledWorkgroupBytes = (matmul: Matmul, tile: TiledTile): number =>
  16 * stride(tile) * (tile.rows + tile.columns * matmul.rights.length)

/** Needs aligned operands; where rows are sorted by expert, the sort fixes the rows of the tile. */
export function emitMatmulTiled(matmul: Matmul, wanted: TiledTile, emit: ScalarEmitter): TemplateCode {
  // rows beyond the tile's own are computed and discarded, so that lower tiles keep the shape of the workgroup
  const rows = Math.max(wanted.rowsEach, Math.ceil(tileHeight(matmul, wanted.rows) / wanted.rowsEach) * wanted.rowsEach)
  const tile = { ...wanted, rows }
  const config = {
    rows,
    columns: tile.columns,
    threads: tiledInvocations(tile),
    rasterAlong: 'rows',
    needsSubgroups: false,
    workgroupBytes: tiledWorkgroupBytes(matmul, tile),
    kStep: 4,
    loadWidth: (): 4 => 4,
  } as const
  return emitMatmulEntry(matmul, config, emit, (context) => ({
    declarations: [
      `var<workgroup> left_block: array<vec4<f32>, ${tile.rows * stride(tile)}>;`,
      ...context.rights.map((p) => `var<workgroup> right${p}_block: array<vec4<f32>, ${tile.columns * stride(tile)}>;`),
      '',
    ].join('\n'),
    statements: [
      `let x = thread % ${tile.columns / tile.columnsEach}u;`,
      `let y = thread / ${tile.columns / tile.columnsEach}u;`,
      ...copies(matmul, tile, context, config.threads).flatMap((copy) => copy.prepare),
      ...declareSums(context, tile.rowsEach, tile.columnsEach),
      `for (var k = 0u; k < ${context.kSteps}; k += ${tile.kVectors}u) {`,
      ...indent(
        copies(matmul, tile, context, config.threads).flatMap((copy) => copy.run),
        1,
      ),
      '  workgroupBarrier();',
      `  for (var j = 0u; j < ${tile.kVectors}u; j++) {`,
      ...indent(multiplyTile(tile, context), 2),
      '  }',
      '  workgroupBarrier();',
      '}',
      ...writeBack(tile, context),
    ],
  }))
}

interface Copy {
  /** Statements before the loop: the address that the thread reads from. */
  readonly prepare: readonly string[]
  readonly run: readonly string[]
}

/** An operand's block of K in workgroup memory. */
interface Block {
  readonly name: string
  readonly operand: Operand
  readonly height: number
  /** K-major: the address of a row or column. */
  readonly start: (line: string) => string
  /** MN-major: the block's first row or column, and how many follow at most. */
  readonly first: string
  readonly count: string
}

function copies(matmul: Matmul, tile: TiledTile, context: TemplateContext, threads: number): readonly Copy[] {
  const blocks: readonly Block[] = [
    {
      name: 'left',
      operand: matmul.left,
      height: tile.rows,
      first: context.tiles.firstIndex ?? '',
      count: 'row_count',
      start: (line) => `left_start(${context.tiles.row(`min(${line}, row_count - 1u)`)})`,
    },
    ...matmul.rights.map((operand, p): Block => ({
      name: `right${p}`,
      operand,
      height: tile.columns,
      first: 'first_column',
      count: `(${context.columns} - first_column)`,
      start: (line) => `right${p}_start(expert, min(first_column + ${line}, ${context.columns} - 1u))`,
    })),
  ]
  return blocks.flatMap((block) =>
    isMnMajor(block.operand) ? copyMnMajor(block, tile, context, threads) : copyKMajor(block, tile, context, threads),
  )
}

/** Each thread copies vectors thread, thread + threads, ... of every block; behind the end of K there are zeros. */
function copyKMajor(
  { name, operand, height, start }: Block,
  tile: TiledTile,
  context: TemplateContext,
  threads: number,
): readonly Copy[] {
  return upTo(Math.ceil((height * tile.kVectors) / threads)).map((i) => {
    const id = `${name}_${i}`
    const isWhole = (i + 1) * threads <= height * tile.kVectors
    const write = `${name}_block[${id}_index * ${stride(tile)}u + ${id}_k] = value;`
    return {
      prepare: [
        `let ${id}_index = (thread + ${i * threads}u) / ${tile.kVectors}u;`,
        `let ${id}_k = (thread + ${i * threads}u) % ${tile.kVectors}u;`,
        `let ${id}_start = ${start(`${id}_index`)} + ${id}_k;`,
      ],
      run: [
        '{',
        '  var value = vec4<f32>();',
        `  if (k + ${id}_k < ${context.kSteps}) { value = ${context.load(operand, `${id}_start + k`)}; }`,
        isWhole ? `  ${write}` : `  if (${id}_index < ${height}u) { ${write} }`,
        '}',
      ],
    }
  })
}

/** Each thread transposes a 4 x 4 block of K by rows or columns at a time; neighbouring threads take neighbouring blocks. */
function copyMnMajor(
  { name, operand, height, first, count }: Block,
  tile: TiledTile,
  context: TemplateContext,
  threads: number,
): readonly Copy[] {
  const vec4s = height / 4
  return upTo(Math.ceil((vec4s * tile.kVectors) / threads)).map((i) => {
    const id = `${name}_${i}`
    const isWhole = (i + 1) * threads <= vec4s * tile.kVectors
    const vectors = upTo(4).map((u) => `value${u}`)
    const loads = vectors.flatMap((vector, u) => {
      const at = `${name}_at(expert, ${context.k.at(`at + ${u}u`)}) + ${id}_start`
      return [
        `  var ${vector} = vec4<f32>();`,
        `  if (at + ${u}u < ${context.k.count}) { ${vector} = ${context.load(operand, at)}; }`,
      ]
    })
    const writes = upTo(4).map(
      (line) => `${name}_block[(4u * ${id}_vec4 + ${line}u) * ${stride(tile)}u + ${id}_k] = ${transposedVec4(vectors, line)};`,
    )
    return {
      prepare: [
        `let ${id}_vec4 = (thread + ${i * threads}u) % ${vec4s}u;`,
        `let ${id}_k = (thread + ${i * threads}u) / ${vec4s}u;`,
        `let ${id}_start = (${first} + min(4u * ${id}_vec4, ${count} - 4u)) / 4u;`,
      ],
      run: [
        '{',
        `  let at = 4u * (k + ${id}_k);`,
        ...loads,
        ...(isWhole
          ? writes.map((write) => `  ${write}`)
          : [`  if (${id}_k < ${tile.kVectors}u) {`, ...writes.map((write) => `    ${write}`), '  }']),
        '}',
      ],
    }
  })
}

/** Rows and columns of a thread are a whole workgroup apart: neighbouring threads read neighbouring rows and columns. */
function multiplyTile(tile: TiledTile, context: TemplateContext): readonly string[] {
  const [height, width] = [tile.rows / tile.rowsEach, tile.columns / tile.columnsEach]
  return [
    ...upTo(tile.rowsEach).map((r) => `let a${r} = left_block[(y + ${r * height}u) * ${stride(tile)}u + j];`),
    ...upTo(tile.columnsEach).flatMap((v) =>
      context.rights.flatMap((p) => [
        `let b${p}_${v} = right${p}_block[(x + ${v * width}u) * ${stride(tile)}u + j];`,
        ...upTo(tile.rowsEach).map((r) => `s${p}_${r}_${v} += ${context.times(`a${r}`, `b${p}_${v}`)};`),
      ]),
    ),
  ]
}

function writeBack(tile: TiledTile, context: TemplateContext): readonly string[] {
  const [height, width] = [tile.rows / tile.rowsEach, tile.columns / tile.columnsEach]
  return upTo(tile.rowsEach).flatMap((r) => [
    `if (y + ${r * height}u < row_count) {`,
    `  let row = ${context.tiles.row(`(y + ${r * height}u)`)};`,
    ...upTo(tile.columnsEach).map((v) => {
      const column = `first_column + x + ${v * width}u`
      const call = `epilogue(row, ${column}, ${context.rights.map((p) => `s${p}_${r}_${v}`).join(', ')});`
      return context.columnsFit ? `  ${call}` : `  if (${column} < ${context.columns}) { ${call} }`
    }),
    '}',
  ])
}
