/**
 * Matmuls. A workgroup is a block of columns of a tile of rows of one expert; within it a few rows and columns at a time
 * are summed in registers, and the epilogue is run on four columns at a time as a gang.
 */
import { ceilDivide, constantValue, multiply, type Dim } from '../../../plan/dim.ts'
import type { Matmul } from '../../kernel/ir/matmul.ts'
import { createNameSource, nameValues } from '../../scalar/name-values.ts'
import { analyse } from '../gang/analysis.ts'
import { emitDim } from '../gang/dim.ts'
import type { Region, Variable } from '../gang/gang.ts'
import { GANG, UNIFORM, VARYING } from '../gang/shape.ts'
import { emitStatements } from '../gang/statement.ts'
import { addConstant, combine, keep, minimum, scale, toAddress, WORD } from '../integers.ts'
import { forRange, forWhole } from '../loops.ts'
import { addressOf, columnAddresses, columnsOf, emitK, mnAddress, type ColumnBlock } from './operands.ts'
import { kMajorSums, outerSums } from './sums.ts'
import { kRangeOf, tilesOf, withTile, type Range, type RowTile } from './tiles.ts'

/** Columns of a workgroup: few, so that few rows can be shared among cores, and that those of the right operand stay in cache. */
const COLUMNS = 32
/** Sums in registers: 16 vectors. */
const SUMS = 16

/** How many workgroups there are. */
export const matmulWorkgroups = (matmul: Matmul): Dim => multiply(tilesOf(matmul), ceilDivide(matmul.columns, COLUMNS))

/** The rows and columns of a workgroup. */
interface Block extends ColumnBlock {
  readonly tile: RowTile
  readonly range: Range
  /** The local of the first column. */
  readonly first: number
  readonly isRelaxed: boolean
}

/** Sums of a block, as locals of vectors: by right operand, row and vector of columns. */
type Sums = readonly (readonly (readonly number[])[])[]

/** Emits the workgroup whose number a local holds. `isRelaxed`: products and sums may be fused. */
export function emitMatmul(region: Region, matmul: Matmul, workgroup: number, isRelaxed: boolean): void {
  const { body } = region
  const tiles = keep(body, () => emitDim(region, tilesOf(matmul)))
  const columns = keep(body, () => emitDim(region, matmul.columns))
  const place = keep(body, () => combine(body, workgroup, 'i32.rem_u', tiles))
  const number = keep(body, () => combine(body, workgroup, 'i32.div_u', tiles))
  const first = keep(body, () => scale(body, number, COLUMNS))
  const end = keep(body, () => minimum(body, () => addConstant(body, first, COLUMNS), columns))
  withTile(region, matmul, place, (tile) => {
    const range = kRangeOf(region, matmul, tile.expert)
    const block: Block = { region, matmul, expert: tile.expert, tile, range, first, end, isRelaxed }
    const each = Math.max(1, Math.floor(SUMS / (GANG * matmul.rights.length)))
    const group = matmul.rowGrouping.kind === 'lookup' ? 1 : each
    body.get(tile.from)
    const rest = forWhole(body, tile.below, group, (index) => emitRows(block, group, index))
    if (group === 1) return
    body.get(rest)
    forRange(body, tile.below, 1, (index) => emitRows(block, 1, index))
  })
}

/** All columns of the workgroup for rows `index` .. `index + count - 1` of the tile. */
function emitRows(block: Block, count: number, index: number): void {
  const { region, matmul, tile, first, end } = block
  const { body } = region
  const places = Array.from({ length: count }, (_, r) => keep(body, () => addConstant(body, index, r)))
  const rows = places.map((place) => keep(body, () => tile.rowAt(place)))
  const leftRows = places.map((place) => keep(body, () => tile.leftRowAt(place)))
  const isInner = [matmul.left, ...matmul.rights].every(({ layout }) => layout === 'k-major')
  const vectors = isInner ? 1 : vectorsOf(matmul, count)
  body.get(first)
  forRange(body, end, vectors * GANG, (column) => {
    const sums = isInner ? innerSums(block, leftRows, column) : mixedSums(block, leftRows, column, vectors)
    rows.forEach((row, r) => {
      for (let v = 0; v < vectors; v++) {
        const base = keep(body, () => addConstant(body, column, v * GANG))
        const own = sums.map((right) => right[r][v])
        if (v === 0) {
          epilogue(block, row, base, own)
          continue
        }
        combine(body, base, 'i32.lt_u', end)
        body.when(() => epilogue(block, row, base, own))
      }
    })
  })
}

/** Vectors of columns: as many as there are registers for. */
function vectorsOf({ columns, rights }: Matmul, rows: number): number {
  const fit = Math.max(1, Math.floor(SUMS / (rows * rights.length)))
  const known = constantValue(columns)
  return Math.min(fit, 4, known === undefined ? 4 : Math.max(1, Math.ceil(known / GANG)))
}

/** All operands K-major. */
function innerSums(block: Block, leftRows: readonly number[], column: number): Sums {
  const { region, matmul, expert, range, isRelaxed } = block
  const { body } = region
  const rows = leftRows.map((row) => keep(body, () => addressOf(region, matmul.left, { row, expert })))
  const columns = matmul.rights.map((right) => columnAddresses(block, right, column, GANG))
  const sums = kMajorSums({ body, isRelaxed }, { rows, columns }, range.below, constantValue(matmul.k))
  return sums.map((right) => right.map((sum) => [sum]))
}

/** Some operand is MN-major: one element of K at a time, columns side by side. */
function mixedSums(block: Block, leftRows: readonly number[], column: number, vectors: number): Sums {
  const { region, matmul, expert, range, isRelaxed } = block
  const { body } = region
  const { left } = matmul
  const at = body.local('i32')
  const bases = leftRows.map((row) =>
    keep(body, () => {
      addressOf(region, left, { row, expert })
      if (left.layout === 'k-major') return
      scale(body, row, WORD)
      body.op('i32.add')
    }),
  )
  const zero = keep(body, () => body.i32(0))
  const begin = (index: number): void => {
    if (left.layout === 'mn-major') mnAddress(region, matmul, left, zero, index)
    else {
      emitK(region, matmul, left, index)
      toAddress(body, zero)
    }
    body.set(at)
  }
  const splat = (row: number): void => {
    combine(body, bases[row], 'i32.add', at)
    body.load('v128.load32_splat')
  }
  const rights = matmul.rights.map((right) => columnsOf(block, right, column, vectors))
  return outerSums({ body, isRelaxed }, { rows: leftRows.length, vectors }, range, rights, { begin, splat })
}

/** The epilogue of one row and four columns. */
function epilogue({ region, matmul, end }: Block, row: number, column: number, sums: readonly number[]): void {
  const { body } = region
  const variables = new Map<string, Variable>([
    ...region.variables,
    ['row', { shape: UNIFORM, type: 'u32', local: row }],
    ['column', { shape: { kind: 'affine', stride: 1, isAligned: true }, type: 'u32', local: column }],
    ...sums.map((local, p): [string, Variable] => [`sum${p}`, { shape: VARYING, type: 'f32', local }]),
  ])
  const statements = nameValues(matmul.epilogue, createNameSource())
  const known = constantValue(matmul.columns)
  let mask: number | null = null
  if (known === undefined || known % GANG !== 0) {
    mask = body.local('v128')
    body.get(column)
    body.op('i32x4.splat')
    body.v128([0, 1, 2, 3])
    body.op('i32x4.add')
    body.get(end)
    body.op('i32x4.splat')
    body.op('i32x4.lt_u')
    body.set(mask)
  }
  const analysis = analyse(statements, new Set(), new Map([...variables].map(([name, { shape }]) => [name, shape])))
  emitStatements({ ...region, variables, mask, analysis }, statements)
}
