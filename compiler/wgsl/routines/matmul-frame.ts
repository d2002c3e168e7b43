/** What every matrix-product template has around its loops: the operands' addresses, the epilogue, the entry and its tile. */
import { ceilDivide, constantValue, multiply, type Dim } from '../../../plan/dim.ts'
import type { Matmul, Operand } from '../../kernel/ir/matmul.ts'
import { add, multiply as times, size, variable } from '../../scalar/build.ts'
import type { Expression } from '../../scalar/expression.ts'
import type { RoutineText } from '../routine.ts'
import type { Speller } from '../speller.ts'
import { depthOf, type Depth } from './depth.ts'
import { asU32, rowTiles, type RowTiles } from './row-tiles.ts'

/** A cut of the result into workgroups. */
export interface Cut {
  /** Rows of a tile, unless the grouping of the rows sets them. */
  readonly rows: number
  /** Columns of a workgroup. */
  readonly columns: number
  readonly lanes: number
  /** Workgroups that follow each other share columns, or share rows. */
  readonly next: 'rows' | 'columns'
  /** Column tiles that a workgroup makes one after the other; 1 unless given. */
  readonly run?: number
  readonly needsSubgroups: boolean
  readonly workgroupBytes: number
  /** Depths in a step of the loops: 4 where operands are multiplied as vectors of depth. */
  readonly step: 1 | 4
  /** Elements that a load of an operand brings. */
  readonly width: (operand: Operand) => 1 | 4
}

/** The parts that a template's own text is made of. */
export interface Parts {
  readonly tiles: RowTiles
  /** Indices of the products. */
  readonly products: readonly number[]
  readonly columns: string
  readonly depth: Depth
  /** Steps through the depth. */
  readonly depthUnits: string
  /** Whether the last step may lack some of its depths. */
  readonly isPartFull: boolean
  /** Whether every column tile is full. */
  readonly columnsFit: boolean
  /** Loads from an operand as many elements as a load of it brings. */
  readonly load: (operand: Operand, index: string) => string
  /** The product of what two operands have for one step, f32. */
  readonly times: (a: string, b: string) => string
}

/** Whether all operands can be read four elements at a time, of depth or of lines. */
export const readsVectors = (matmul: Matmul): boolean =>
  matmul.left.aligned && matmul.products.every((product) => product.aligned)

export const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i)

export const indent = (lines: readonly string[], by: number): readonly string[] =>
  lines.map((line) => (line === '' ? '' : '  '.repeat(by) + line))

const distinct = (names: readonly string[]): readonly string[] => [...new Set(names)]

/** Whether a dim is a number that `unit` divides. */
export const isMultiple = (dim: Dim, unit: number): boolean => (constantValue(dim) ?? NaN) % unit === 0

/**
 * The whole routine: `write` gives the declarations of the template and the statements of its entry, which run where `expert`,
 * `row_count`, `first_column` (all uniform) and `lane` are known.
 */
export function frameMatmul(
  matmul: Matmul,
  cut: Cut,
  spell: Speller,
  write: (parts: Parts) => { readonly declarations: string; readonly statements: readonly string[] },
): RoutineText {
  const tiles = rowTiles(matmul, cut.rows, spell)
  const columnTiles = ceilDivide(matmul.columns, cut.columns)
  const workgroups = multiply(tiles.count, ceilDivide(columnTiles, cut.run ?? 1))
  const depth = depthOf(matmul, spell)
  const isPartFull =
    cut.step === 4 &&
    matmul.left.along === 'lines' &&
    matmul.products.every(({ along }) => along === 'lines') &&
    (depth.whole === null || !isMultiple(depth.whole, 4))
  const { declarations, statements } = write({
    tiles,
    products: matmul.products.map((_, p) => p),
    columns: spell.size(matmul.columns),
    depth,
    depthUnits: cut.step === 1 ? depth.count : isPartFull ? `(${depth.count} + 3u) / 4u` : quarter(matmul.depth, depth.count),
    isPartFull,
    columnsFit: isMultiple(matmul.columns, cut.columns),
    load: (operand, index) => `load${cut.width(operand) === 4 ? '4' : ''}_${operand.buffer}(${index})`,
    times: (a, b) => (cut.step === 4 ? `dot(${a}, ${b})` : `${a} * ${b}`),
  })
  const operands = [matmul.left, ...matmul.products]
  const body = [
    tiles.declarations + depth.declarations + addresses(matmul, cut, spell) + epilogue(matmul, spell) + declarations,
    `@compute @workgroup_size(${cut.lanes})`,
    'fn main(',
    '  @builtin(workgroup_id) workgroup_id: vec3<u32>,',
    '  @builtin(num_workgroups) num_workgroups: vec3<u32>,',
    // the lane that subgroup operations mean; the workgroup is one whole subgroup there
    cut.needsSubgroups ? '  @builtin(subgroup_invocation_id) lane: u32,' : '  @builtin(local_invocation_index) lane: u32,',
    ') {',
    ...indent(tileByTile(cut, tiles, depth, columnTiles, spell.size(workgroups), statements, spell), 1),
    '}',
    '',
  ].join('\n')
  return {
    body,
    workgroupSize: [cut.lanes, 1, 1],
    workgroups,
    needsSubgroups: cut.needsSubgroups,
    workgroupBytes: cut.workgroupBytes,
    vec4Buffers: distinct(operands.filter((operand) => cut.width(operand) === 4).map(({ buffer }) => buffer)),
  }
}

const quarter = (dim: Dim, text: string): string => {
  const value = constantValue(dim)
  return value === undefined ? `(${text} / 4u)` : `${value / 4}u`
}

/** Where each operand lies, in units of its loads: `NAME_start` of a line along the depth, `NAME_at` of a depth along the lines. */
function addresses(matmul: Matmul, cut: Cut, spell: Speller): string {
  const [expert, row, column, depth] = ['expert', 'row', 'column', 'depth'].map((name) => variable('u32', name))
  const returned = (operand: Operand, at: Expression): string => {
    const text = asU32(at, spell)
    return `return ${cut.width(operand) === 4 ? `(${text}) / 4u` : text};`
  }
  const address = (operand: Operand, name: string, line: Expression, parameters: string): string => {
    if (operand.along === 'depth')
      return `fn ${name}_start(${parameters}) -> u32 {\n  ${returned(operand, operand.start(expert, line))}\n}\n`
    const at = add(operand.start(expert), times(operand.place?.(depth) ?? depth, size(operand.stride)))
    return `fn ${name}_at(expert: u32, depth: u32) -> u32 {\n  ${returned(operand, at)}\n}\n`
  }
  const banks = matmul.products.map((product, p) => address(product, `bank${p}`, column, 'expert: u32, column: u32'))
  return address(matmul.left, 'left', row, 'row: u32') + banks.join('')
}

function epilogue(matmul: Matmul, spell: Speller): string {
  const sums = matmul.products.map((_, p) => `sum${p}`)
  const statements = matmul.epilogue(
    sums.map((sum) => variable('f32', sum)),
    variable('u32', 'row'),
    variable('u32', 'column'),
  )
  const parameters = ['row: u32', 'column: u32', ...sums.map((sum) => `${sum}: f32`)].join(', ')
  return `fn finish(${parameters}) {\n${spell.statements(statements, 1)}}\n`
}

/** The entry: finds the rows and the columns of the workgroup, and runs the statements for each tile of them. */
function tileByTile(
  cut: Cut,
  tiles: RowTiles,
  depth: Depth,
  columnTiles: Dim,
  workgroups: string,
  statements: readonly string[],
  spell: Speller,
): readonly string[] {
  const { run = 1 } = cut
  const column = run === 1 ? 'column_tile' : 'column_run'
  const byRows = cut.next === 'rows'
  const [fast, slow] = byRows ? ['row_tile', column] : [column, 'row_tile']
  const each = spell.size(byRows ? tiles.count : ceilDivide(columnTiles, run))
  const firstColumn = `let first_column = column_tile * ${cut.columns}u;`
  const located = [
    'let workgroup = workgroup_id.x + workgroup_id.y * num_workgroups.x;',
    `if (workgroup >= ${workgroups}) { return; }`,
    `let ${slow} = workgroup / ${each};`,
    `let ${fast} = workgroup - ${slow} * ${each};`,
    ...tiles.locate,
  ]
  if (run === 1) return [...located, firstColumn, ...depth.locate, ...statements]
  return [
    ...located,
    ...depth.locate,
    `for (var column_tile = column_run * ${run}u; column_tile < min(column_run * ${run}u + ${run}u, ${spell.size(columnTiles)}); column_tile++) {`,
    ...indent([firstColumn, ...statements], 1),
    '}',
  ]
}

/** Loads never leave the tile: a place behind its last row reads that row again, and nothing of it is stored. */
export const clampedRow = (tiles: RowTiles, place: string): string =>
  tiles.height === 1 ? tiles.row('0u') : tiles.row(`min(${place}, row_count - 1u)`)

/** The same for a column. */
export const clampedColumn = (parts: Parts, column: string): string =>
  parts.columnsFit ? column : `min(${column}, ${parts.columns} - 1u)`

type WriteBlock = (block: RowBlock) => readonly string[]

/** Runs `body` for the rows of a tile, `rows` at a time; where a tile is no higher than that, once and without a loop. */
export function forRowBlocks(tiles: RowTiles, rows: number, body: WriteBlock): readonly string[] {
  if (tiles.height <= rows) return body({ rows: tiles.height, place: (r) => r })
  const lines = body({ rows, place: (r) => `base + ${r}` })
  return [`for (var base = 0u; base < row_count; base += ${rows}u) {`, ...indent(lines, 1), '}']
}

export interface RowBlock {
  readonly rows: number
  /** The place in the tile of the block's row at `r`. */
  readonly place: (r: string) => string
}

/** Hands the sums s{product}_{row}_{column} to the epilogue; they pass through an array, so its text stands once a column. */
export function finishBlock(parts: Parts, block: RowBlock, columns: readonly string[]): readonly string[] {
  const { products, tiles } = parts
  const width = columns.length * products.length
  const places = upTo(block.rows).flatMap((r) => columns.flatMap((_, v) => products.map((p) => `s${p}_${r}_${v}`)))
  const stores = columns.map((column, v) => {
    const values = products.map((p) => `sums[r * ${width}u + ${v * products.length + p}u]`).join(', ')
    const call = `finish(row, ${column}, ${values});`
    return parts.columnsFit ? `  ${call}` : `  if (${column} < ${parts.columns}) { ${call} }`
  })
  return [
    `var sums = array<f32, ${places.length}>(${places.join(', ')});`,
    `for (var r = 0u; r < ${tiles.height === block.rows ? 'row_count' : `min(${block.rows}u, row_count - base)`}; r++) {`,
    `  let row = ${tiles.row(block.place('r'))};`,
    ...stores,
    '}',
  ]
}

/** Sums of all products for each row and column of a block, at zero. */
export const declareSums = (parts: Parts, rows: number, columns: number): readonly string[] =>
  upTo(rows).flatMap((r) => upTo(columns).flatMap((v) => parts.products.map((p) => `var s${p}_${r}_${v} = 0.0;`)))
