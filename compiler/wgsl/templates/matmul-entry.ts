/**
 * The entry point that all matmul templates share: address functions of the operands, the epilogue, and the tile of a workgroup.
 */
import { ceilDivide, constantValue, multiply, type Dim } from '../../../plan/dim.ts'
import { K_INDEX, sumOf, type Matmul, type Operand } from '../../kernel/ir/matmul.ts'
import { add, multiply as times, size } from '../../scalar/build.ts'
import type { Expression } from '../../scalar/expression.ts'
import type { TemplateCode } from '../template-code.ts'
import type { ScalarEmitter } from '../scalar-emitter.ts'
import { kRangeOf, type KRangeCode } from './k-range.ts'
import { asU32, rowTiles, type RowTiles } from './row-tiles.ts'

/** A launch configuration: how the result is cut into tiles, one or more a workgroup. */
export interface TileConfig {
  /** Rows of a tile; where rows are sorted by expert, the sort fixes the height instead. */
  readonly rows: number
  /** Columns of a workgroup. */
  readonly columns: number
  readonly threads: number
  /** The axis along which workgroup ids advance first: consecutive workgroups share columns, or share rows. */
  readonly rasterAlong: 'rows' | 'columns'
  /** Column tiles that a workgroup computes one after the other; 1 unless given. */
  readonly tilesPerWorkgroup?: number
  readonly needsSubgroups: boolean
  readonly workgroupBytes: number
  /** Elements of K in a step of the K loop: 4 where the loop multiplies vec4s of K. */
  readonly kStep: 1 | 4
  /** Elements in one load of an operand. */
  readonly loadWidth: (operand: Operand) => 1 | 4
}

/** What a template is given to write its statements from. */
export interface TemplateContext {
  readonly tiles: RowTiles
  /** Indices of the right operands, one a matmul. */
  readonly rights: readonly number[]
  readonly columns: string
  readonly k: KRangeCode
  /** Steps of the K loop. */
  readonly kSteps: string
  /** Whether the last step of the K loop may be partial. */
  readonly hasKTail: boolean
  /** Whether every column tile is full. */
  readonly columnsFit: boolean
  /** A load of an operand, of `loadWidth` elements. */
  readonly load: (operand: Operand, index: string) => string
  /** The product of the values that two operands have at one step, f32. */
  readonly times: (a: string, b: string) => string
}

/** Whether all operands can be loaded as vec4, along K or along M and N. */
export const readsVec4 = (matmul: Matmul): boolean => matmul.left.aligned && matmul.rights.every((product) => product.aligned)

export const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i)

export const indent = (lines: readonly string[], by: number): readonly string[] =>
  lines.map((line) => (line === '' ? '' : '  '.repeat(by) + line))

const distinct = (names: readonly string[]): readonly string[] => [...new Set(names)]

/** Whether a dim is a number that `unit` divides. */
export const isMultiple = (dim: Dim, unit: number): boolean => (constantValue(dim) ?? NaN) % unit === 0

/**
 * The whole kernel: `write` gives the declarations of the template and the statements of its entry point. `expert`, `row_count`,
 * `first_column` (all uniform) and `thread` are defined before the statements.
 */
export function emitMatmulEntry(
  matmul: Matmul,
  config: TileConfig,
  emit: ScalarEmitter,
  write: (context: TemplateContext) => { readonly declarations: string; readonly statements: readonly string[] },
): TemplateCode {
  const tiles = rowTiles(matmul, config.rows, emit)
  const columnTiles = ceilDivide(matmul.columns, config.columns)
  const workgroups = multiply(tiles.count, ceilDivide(columnTiles, config.tilesPerWorkgroup ?? 1))
  const k = kRangeOf(matmul, emit)
  const hasKTail =
    config.kStep === 4 &&
    matmul.left.layout === 'mn-major' &&
    matmul.rights.every(({ layout }) => layout === 'mn-major') &&
    (k.whole === null || !isMultiple(k.whole, 4))
  const { declarations, statements } = write({
    tiles,
    rights: matmul.rights.map((_, p) => p),
    columns: emit.size(matmul.columns),
    k,
    kSteps: config.kStep === 1 ? k.count : hasKTail ? `(${k.count} + 3u) / 4u` : quotientByFour(matmul.k, k.count),
    hasKTail,
    columnsFit: isMultiple(matmul.columns, config.columns),
    load: (operand, index) => `load${config.loadWidth(operand) === 4 ? '4' : ''}_${operand.buffer}(${index})`,
    times: (a, b) => (config.kStep === 4 ? `dot(${a}, ${b})` : `${a} * ${b}`),
  })
  const operands = [matmul.left, ...matmul.rights]
  const body = [
    tiles.declarations + k.declarations + addressFunctions(matmul, config, emit) + epilogueFunction(matmul, emit) + declarations,
    `@compute @workgroup_size(${config.threads})`,
    'fn main(',
    '  @builtin(workgroup_id) workgroup_id: vec3<u32>,',
    '  @builtin(num_workgroups) num_workgroups: vec3<u32>,',
    // subgroup operations number threads by this; the workgroup is one whole subgroup there
    config.needsSubgroups ? '  @builtin(subgroup_invocation_id) thread: u32,' : '  @builtin(local_invocation_index) thread: u32,',
    ') {',
    ...indent(entryStatements(config, tiles, k, columnTiles, emit.size(workgroups), statements, emit), 1),
    '}',
    '',
  ].join('\n')
  return {
    body,
    workgroupSize: [config.threads, 1, 1],
    workgroups,
    needsSubgroups: config.needsSubgroups,
    workgroupBytes: config.workgroupBytes,
    vec4Buffers: distinct(operands.filter((operand) => config.loadWidth(operand) === 4).map(({ buffer }) => buffer)),
  }
}

const quotientByFour = (dim: Dim, text: string): string => {
  const value = constantValue(dim)
  return value === undefined ? `(${text} / 4u)` : `${value / 4}u`
}

/**
 * The address functions of the operands, in units of their loads: `NAME_start` of a row or column of a K-major operand, `NAME_at`
 * of an element of K of an MN-major one.
 */
function addressFunctions(matmul: Matmul, config: TileConfig, emit: ScalarEmitter): string {
  const returned = (operand: Operand, at: Expression): string => {
    const text = asU32(at, emit)
    return `return ${config.loadWidth(operand) === 4 ? `(${text}) / 4u` : text};`
  }
  const address = (operand: Operand, name: string, parameters: string): string => {
    if (operand.layout === 'k-major') return `fn ${name}_start(${parameters}) -> u32 {\n  ${returned(operand, operand.base)}\n}\n`
    const at = add(operand.base, times(operand.gather ?? K_INDEX, size(operand.stride)))
    return `fn ${name}_at(expert: u32, k_index: u32) -> u32 {\n  ${returned(operand, at)}\n}\n`
  }
  const rights = matmul.rights.map((product, p) => address(product, `right${p}`, 'expert: u32, column: u32'))
  return address(matmul.left, 'left', 'row: u32') + rights.join('')
}

function epilogueFunction(matmul: Matmul, emit: ScalarEmitter): string {
  const sums = matmul.rights.map((_, p) => sumOf(p).name)
  const parameters = ['row: u32', 'column: u32', ...sums.map((sum) => `${sum}: f32`)].join(', ')
  return `fn epilogue(${parameters}) {\n${emit.statements(matmul.epilogue, 1)}}\n`
}

/** The body of the entry point: finds the rows and columns of the workgroup's tiles, and runs the statements for each tile. */
function entryStatements(
  config: TileConfig,
  tiles: RowTiles,
  k: KRangeCode,
  columnTiles: Dim,
  workgroups: string,
  statements: readonly string[],
  emit: ScalarEmitter,
): readonly string[] {
  const { tilesPerWorkgroup: count = 1 } = config
  const column = count === 1 ? 'column_tile' : 'column_tiles'
  const byRows = config.rasterAlong === 'rows'
  const [fast, slow] = byRows ? ['row_tile', column] : [column, 'row_tile']
  const each = emit.size(byRows ? tiles.count : ceilDivide(columnTiles, count))
  const firstColumn = `let first_column = column_tile * ${config.columns}u;`
  const located = [
    'let workgroup = workgroup_id.x + workgroup_id.y * num_workgroups.x;',
    `if (workgroup >= ${workgroups}) { return; }`,
    `let ${slow} = workgroup / ${each};`,
    `let ${fast} = workgroup - ${slow} * ${each};`,
    ...tiles.locate,
  ]
  if (count === 1) return [...located, firstColumn, ...k.locate, ...statements]
  return [
    ...located,
    ...k.locate,
    `for (var column_tile = column_tiles * ${count}u; column_tile < min(column_tiles * ${count}u + ${count}u, ${emit.size(columnTiles)}); column_tile++) {`,
    ...indent([firstColumn, ...statements], 1),
    '}',
  ]
}

/** A row within the tile: a position behind the last row reads that row again, and stores nothing. */
export const clampedRow = (tiles: RowTiles, place: string): string =>
  tiles.height === 1 ? tiles.row('0u') : tiles.row(`min(${place}, row_count - 1u)`)

/** The same for a column. */
export const clampedColumn = (context: TemplateContext, column: string): string =>
  context.columnsFit ? column : `min(${column}, ${context.columns} - 1u)`

type WriteBlock = (block: RowBlock) => readonly string[]

/** Runs `body` for the rows of a tile, `rows` at a time; without a loop where the tile has no more rows. */
export function forRowBlocks(tiles: RowTiles, rows: number, body: WriteBlock): readonly string[] {
  if (tiles.height <= rows) return body({ rows: tiles.height, place: (r) => r })
  const lines = body({ rows, place: (r) => `base + ${r}` })
  return [`for (var base = 0u; base < row_count; base += ${rows}u) {`, ...indent(lines, 1), '}']
}

export interface RowBlock {
  readonly rows: number
  /** The position in the tile of row `r` of the block. */
  readonly place: (r: string) => string
}

/**
 * Calls the epilogue with the sums s{product}_{row}_{column}; the sums pass through an array, so that the call is written once a
 * column.
 */
export function writeBack(context: TemplateContext, block: RowBlock, columns: readonly string[]): readonly string[] {
  const { rights, tiles } = context
  const width = columns.length * rights.length
  const places = upTo(block.rows).flatMap((r) => columns.flatMap((_, v) => rights.map((p) => `s${p}_${r}_${v}`)))
  const stores = columns.map((column, v) => {
    const values = rights.map((p) => `sums[r * ${width}u + ${v * rights.length + p}u]`).join(', ')
    const call = `epilogue(row, ${column}, ${values});`
    return context.columnsFit ? `  ${call}` : `  if (${column} < ${context.columns}) { ${call} }`
  })
  return [
    `var sums = array<f32, ${places.length}>(${places.join(', ')});`,
    `for (var r = 0u; r < ${tiles.height === block.rows ? 'row_count' : `min(${block.rows}u, row_count - base)`}; r++) {`,
    `  let row = ${tiles.row(block.place('r'))};`,
    ...stores,
    '}',
  ]
}

/** The accumulators of all matmuls for each row and column of a block, zero. */
export const declareSums = (context: TemplateContext, rows: number, columns: number): readonly string[] =>
  upTo(rows).flatMap((r) => upTo(columns).flatMap((v) => context.rights.map((p) => `var s${p}_${r}_${v} = 0.0;`)))
