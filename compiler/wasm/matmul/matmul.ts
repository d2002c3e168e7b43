/**
 * Matmuls. A workgroup is a block of columns of some rows of one expert: first the sums of the block are made, in registers a few
 * at a time; then the epilogue is run on four columns of a row at a time as a gang.
 */
import { ceilDivide, constantValue, multiply, type Dim } from '../../../plan/dim.ts'
import type { DotTile } from '../../../plan/tiles.ts'
import type { Matmul } from '../../kernel/ir/matmul.ts'
import { createNameSource, nameValues } from '../../scalar/name-values.ts'
import { analyse } from '../gang/analysis.ts'
import { emitDim } from '../gang/dim.ts'
import type { Region, Variable } from '../gang/gang.ts'
import { GANG, UNIFORM, VARYING } from '../gang/shape.ts'
import { emitStatements } from '../gang/statement.ts'
import { addConstant, combine, keep, minimum, scale, WORD } from '../integers.ts'
import { forRange } from '../loops.ts'
import { COLUMNS, entry, sumsAddress, type Block } from './block.ts'
import { FEW_ROWS_COLUMNS, fewRowsSums, hasFewRows } from './few-rows.ts'
import { createInnerSums } from './inner.ts'
import { locateLeftRows } from './operands.ts'
import { createOuterSums } from './outer.ts'
import { hasOuterProducts, isShort, outerProducts } from './outer-products.ts'
import { isAllKMajor, roomFor, type Storages } from './stored.ts'
import { createKRange, mostRows, tilesOf, withTile, type Range } from './tiles.ts'
import { unlessZeros } from './zero-flags.ts'

/** Columns of a workgroup. */
function blockColumns(buffers: Storages, matmul: Matmul, dot: DotTile): number {
  if (hasFewRows(buffers, matmul)) return FEW_ROWS_COLUMNS
  return isAllKMajor(matmul) ? dot.blockColumns : COLUMNS
}

const columnBlocks = (buffers: Storages, matmul: Matmul, dot: DotTile): Dim =>
  ceilDivide(matmul.columns, blockColumns(buffers, matmul, dot))

/** How many workgroups there are. */
export const matmulWorkgroups = (buffers: Storages, matmul: Matmul, dot: DotTile): Dim =>
  multiply(tilesOf(matmul), columnBlocks(buffers, matmul, dot))

export interface TileOptions {
  readonly dot: DotTile
  /** Whether products and sums may be fused, which not every machine does alike. */
  readonly isRelaxed: boolean
}

export interface MatmulOptions extends TileOptions {
  /** The local of the address of the zero flags, where the kernel has them. */
  readonly zeroFlags: number | null
}

/**
 * Emits the workgroup whose number a local holds, in a loop over workgroups. Neighbouring workgroups have the same columns, so
 * that what is packed of the right operand serves several; the same rows where the left operand is packed, as their results are
 * then neighbours in memory.
 */
export function emitMatmul(region: Region, matmul: Matmul, workgroup: number, options: MatmulOptions): void {
  const { dot, isRelaxed, zeroFlags } = options
  const { body } = region
  const own = (bytes: number): number => {
    const offset = region.reserve(bytes)
    return keep(body, () => addConstant(body, region.memory, offset))
  }
  const [most, width] = [mostRows(matmul), blockColumns(region.buffers, matmul, dot)]
  const [rows, leftRows] = [own(most * WORD), own(most * WORD)]
  const sums = matmul.rights.map(() => own(most * width * WORD))
  const unpackedLeft = roomFor(region, matmul, [matmul.left], most, own)
  const unpackedColumns = roomFor(region, matmul, matmul.rights, Math.max(GANG, dot.columns), own)
  const write = createTemplate(region, matmul, dot, own)

  const isLeftPacked = matmul.left.layout === 'mn-major'
  const together = keep(body, () => emitDim(region, isLeftPacked ? columnBlocks(region.buffers, matmul, dot) : tilesOf(matmul)))
  const inner = keep(body, () => combine(body, workgroup, 'i32.rem_u', together))
  const outer = keep(body, () => combine(body, workgroup, 'i32.div_u', together))
  const [place, number] = isLeftPacked ? [outer, inner] : [inner, outer]
  const columns = keep(body, () => emitDim(region, matmul.columns))
  const first = keep(body, () => scale(body, number, width))
  const end = keep(body, () => minimum(body, () => addConstant(body, first, width), columns))
  withTile(region, matmul, place, rows, (tile) => {
    const unpacked = { unpackedLeft, unpackedColumns }
    const block: Block = { region, matmul, tile, first, end, columns: width, isRelaxed, rows, leftRows, sums, ...unpacked }
    write(block, (range, run) => (zeroFlags === null ? run() : unlessZeros(body, zeroFlags, workgroup, range, run)))
  })
}

/**
 * Emits what writes a block; `unless` has what is run for a range of K, where the block does not hold the zeros of an empty one.
 */
type WriteBlock = (block: Block, unless: (range: Range, run: () => void) => void) => void

/** The template of a matmul; what it emits once for a kernel is emitted here. */
function createTemplate(region: Region, matmul: Matmul, dot: DotTile, own: (bytes: number) => number): WriteBlock {
  const thenEpilogue =
    (sums: (block: Block) => void): WriteBlock =>
    (block) => {
      block.tile.listRows()
      locateLeftRows(block)
      sums(block)
      emitEpilogue(block)
    }
  if (hasFewRows(region.buffers, matmul)) return thenEpilogue(fewRowsSums)
  if (isAllKMajor(matmul)) return thenEpilogue(createInnerSums(region, matmul, dot, own))
  const outerSums = createOuterSums(region, matmul, own)
  const kRange = createKRange(region, matmul)
  return (block, unless) => {
    const range = kRange(block.tile.expert)
    unless(range, () => {
      const sumUp = (): void => thenEpilogue(() => outerSums(block, range))(block, unless)
      if (!hasOuterProducts(region.buffers, matmul)) return sumUp()
      isShort(block, range)
      region.body.when(() => outerProducts(block, range), sumUp)
    })
  }
}

/** The epilogue of all rows and columns of the block. */
function emitEpilogue(block: Block): void {
  const { region, matmul, tile, first, end, rows } = block
  const { body } = region
  body.i32(0)
  forRange(body, tile.count, 1, (index) => {
    const row = keep(body, () => entry(body, rows, index))
    body.get(first)
    forRange(body, end, GANG, (column) => {
      const sums = matmul.rights.map((_, p) => {
        const local = body.local('v128')
        sumsAddress(block, p, index, column)
        body.load('v128.load')
        body.set(local)
        return local
      })
      epilogue(block, row, column, sums)
    })
  })
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
