/**
 * Matmuls. A workgroup is a block of columns of a tile of rows of one expert; within
 * it a few rows and columns at a time are summed in registers, and the epilogue is run on four columns at a time as a gang.
 */
import { ceilDivide, constantValue, dim, floorDivide, multiply, type Dim } from '../../../plan/dim.ts'
import type { Matmul, Operand } from '../../kernel/ir/matmul.ts'
import type { Expression } from '../../scalar/expression.ts'
import { createNameSource, nameValues } from '../../scalar/name-values.ts'
import type { FunctionBody } from '../function.ts'
import { analyse } from '../gang/analysis.ts'
import { emitDim, emitScalar, type Gang, type Variable } from '../gang/expression.ts'
import { GANG, UNIFORM, VARYING } from '../gang/shape.ts'
import { emitStatements, type Region } from '../gang/statement.ts'
import { forRange, forWhole } from '../loops.ts'
import { kMajorSums, outerSums, type Columns, type Multiply } from './sums.ts'

const WORD = 4
/** Rows of a tile of a dense or batched matmul. */
const ROWS = 32
/**
 * Columns of a workgroup: few enough that a processor's cores share few rows, and that those of the right operand stay in its
 * cache.
 */
const COLUMNS = 32
/** Sums in registers: 16 vectors. */
const SUMS = 16

const tilesOf = ({ rows, rowGrouping }: Matmul): Dim => {
  switch (rowGrouping.kind) {
    case 'dense':
      return ceilDivide(rows, ROWS)
    case 'batched':
      return multiply(rowGrouping.batch, ceilDivide(floorDivide(rows, rowGrouping.batch), ROWS))
    case 'lookup':
      return rows
    case 'sorted':
      return sortedTiles(rows, rowGrouping)
    default:
      return rowGrouping satisfies never
  }
}

const sortedTiles = (rows: Dim, { tile, experts }: { readonly tile: number; readonly experts: number }): Dim =>
  dim(ceilDivide(rows, tile).key === '0' ? experts : `${ceilDivide(rows, tile).key} + ${experts}`)

/** How many workgroups there are. */
export const matmulWorkgroups = (matmul: Matmul): Dim => multiply(tilesOf(matmul), ceilDivide(matmul.columns, COLUMNS))

/** A range of rows of one expert. */
interface RowTile {
  /** Locals. */
  readonly expert: number
  readonly from: number
  readonly below: number
  /** Leaves the row of the output on the stack, of an index in the range. */
  readonly rowAt: (index: number) => void
  /** The row of the left operand, where it is not that of the output. */
  readonly leftRowAt: (index: number) => void
}

export function emitMatmul(region: Region, matmul: Matmul, workgroup: number, isRelaxed: boolean): void {
  const { body } = region
  const put = (emit: () => void): number => {
    const local = body.local('i32')
    emit()
    body.set(local)
    return local
  }
  const tiles = put(() => emitDim(region, tilesOf(matmul)))
  const columns = put(() => emitDim(region, matmul.columns))
  const place = put(() => divide(body, workgroup, tiles, 'i32.rem_u'))
  const first = put(() => {
    divide(body, workgroup, tiles, 'i32.div_u')
    body.i32(COLUMNS)
    body.op('i32.mul')
  })
  const end = put(() => least(body, () => addConstant(body, first, COLUMNS), columns))
  withTile(region, matmul, place, put, (tile) => {
    const range = kRangeOf(region, matmul, tile, put)
    const each = Math.max(1, Math.floor(SUMS / (GANG * matmul.rights.length)))
    const group = matmul.rowGrouping.kind === 'lookup' ? 1 : each
    const block = (rows: number, index: number): void =>
      emitBlock({ region, matmul, tile, range, first, end, isRelaxed, put }, rows, index)
    body.get(tile.from)
    const rest = forWhole(body, tile.below, group, (index) => block(group, index))
    if (group === 1) return
    body.get(rest)
    forRange(body, tile.below, 1, (index) => block(1, index))
  })
}

function divide(body: FunctionBody, a: number, b: number, op: 'i32.rem_u' | 'i32.div_u'): void {
  body.get(a)
  body.get(b)
  body.op(op)
}

function addConstant(body: FunctionBody, local: number, value: number): void {
  body.get(local)
  if (value === 0) return
  body.i32(value)
  body.op('i32.add')
}

/** The smaller of two unsigned numbers. */
function least(body: FunctionBody, a: () => void, b: number): void {
  const local = body.local('i32')
  a()
  body.tee(local)
  body.get(b)
  body.get(local)
  body.get(b)
  body.op('i32.lt_u')
  body.op('select')
}

type Put = (emit: () => void) => number

const emitNumber =
  (body: FunctionBody, local: number) =>
  (index: number): void => {
    body.get(local)
    body.get(index)
    body.op('i32.add')
  }

/** Runs for the tile of rows at a place; not at all where it is empty. */
function withTile(region: Region, matmul: Matmul, place: number, put: Put, run: (tile: RowTile) => void): void {
  const { body } = region
  const { rowGrouping } = matmul
  const same = (index: number): void => body.get(index)
  const zero = put(() => body.i32(0))
  const rows = put(() => emitDim(region, matmul.rows))
  switch (rowGrouping.kind) {
    case 'dense': {
      const from = put(() => scaled(body, place, ROWS))
      const below = put(() => least(body, () => addConstant(body, from, ROWS), rows))
      return run({ expert: zero, from, below, rowAt: same, leftRowAt: same })
    }
    case 'batched': {
      const each = put(() => {
        body.get(rows)
        emitDim(region, rowGrouping.batch)
        body.op('i32.div_u')
      })
      const blocks = put(() => emitDim(region, ceilDivide(floorDivide(matmul.rows, rowGrouping.batch), ROWS)))
      const expert = put(() => divide(body, place, blocks, 'i32.div_u'))
      const from = put(() => {
        divide(body, place, blocks, 'i32.rem_u')
        body.i32(ROWS)
        body.op('i32.mul')
      })
      const below = put(() => least(body, () => addConstant(body, from, ROWS), each))
      const start = put(() => {
        body.get(expert)
        body.get(each)
        body.op('i32.mul')
      })
      const rowAt = emitNumber(body, start)
      return run({ expert, from, below, rowAt, leftRowAt: matmul.left.layout === 'k-major' ? rowAt : same })
    }
    case 'lookup': {
      const expert = put(() => emitWith(region, { row: place }, rowGrouping.expert))
      const below = put(() => addConstant(body, place, 1))
      body.get(expert)
      body.i32(rowGrouping.experts)
      body.op('i32.lt_u')
      return body.when(() => run({ expert, from: place, below, rowAt: same, leftRowAt: same }))
    }
    case 'sorted': {
      const order = region.buffers.get(rowGrouping.buffer)!
      const entry = put(() => {
        body.get(order.address)
        body.get(rows)
        body.get(place)
        body.i32(1)
        body.op('i32.shl')
        body.op('i32.add')
        body.i32(2)
        body.op('i32.shl')
        body.op('i32.add')
      })
      const expert = put(() => word(body, entry, 0))
      body.get(expert)
      body.i32(0)
      body.op('i32.ge_s')
      return body.when(() => {
        const from = put(() => word(body, entry, 1))
        const next = put(() => word(body, entry, 3))
        const below = put(() => least(body, () => addConstant(body, from, rowGrouping.tile), next))
        const rowAt = (index: number): void => {
          body.get(order.address)
          body.get(index)
          body.i32(2)
          body.op('i32.shl')
          body.op('i32.add')
          body.load('i32.load')
        }
        run({ expert, from, below, rowAt, leftRowAt: rowAt })
      })
    }
    default:
      rowGrouping satisfies never
  }
}

function scaled(body: FunctionBody, local: number, by: number): void {
  body.get(local)
  body.i32(by)
  body.op('i32.mul')
}

function word(body: FunctionBody, address: number, place: number): void {
  body.get(address)
  body.load('i32.load', WORD * place)
}

/** The value of an expression over reserved variables that these locals hold. */
function emitWith(region: Region, locals: Readonly<Record<string, number>>, e: Expression): void {
  const variables = new Map(region.variables)
  for (const [name, local] of Object.entries(locals)) variables.set(name, { shape: UNIFORM, type: 'u32', local })
  emitScalar({ ...region, variables } as Gang, e)
}

/** The locals of the first element of K and of the one behind the last; for sorted rows they count places in the sorted order. */
function kRangeOf(
  region: Region,
  { k, kRange }: Matmul,
  { expert }: RowTile,
  put: Put,
): { readonly from: number; readonly below: number } {
  const { body } = region
  if (kRange.kind === 'all') return { from: put(() => body.i32(0)), below: put(() => emitDim(region, k)) }
  const order = region.buffers.get(kRange.buffer)!
  const [from, below] = [put(() => body.i32(0)), put(() => body.i32(0))]
  const rows = put(() => emitDim(region, k))
  const tiles = put(() => emitDim(region, sortedTiles(k, kRange)))
  body.i32(0)
  forRange(body, tiles, 1, (tile) => {
    const entry = put(() => {
      body.get(order.address)
      body.get(rows)
      scaled(body, tile, 2)
      body.op('i32.add')
      body.i32(2)
      body.op('i32.shl')
      body.op('i32.add')
    })
    word(body, entry, 0)
    body.get(expert)
    body.op('i32.eq')
    body.when(() => {
      // the first tile of the expert sets the beginning, each the end
      body.get(below)
      body.op('i32.eqz')
      body.when(() => {
        word(body, entry, 1)
        body.set(from)
      })
      const [start, next] = [put(() => word(body, entry, 1)), put(() => word(body, entry, 3))]
      least(body, () => addConstant(body, start, kRange.tile), next)
      body.set(below)
    })
  })
  return { from, below }
}

interface Block {
  readonly region: Region
  readonly matmul: Matmul
  readonly tile: RowTile
  readonly range: { readonly from: number; readonly below: number }
  readonly first: number
  readonly end: number
  readonly isRelaxed: boolean
  readonly put: Put
}

/** All columns of the workgroup for rows `index` .. `index + rows - 1` of the tile. */
function emitBlock(block: Block, rows: number, index: number): void {
  const { region, matmul, tile, first, end, put } = block
  const { body } = region
  const rowLocals = Array.from({ length: rows }, (_, r) =>
    put(() => {
      const at = put(() => addConstant(body, index, r))
      tile.rowAt(at)
    }),
  )
  const leftRows = Array.from({ length: rows }, (_, r) =>
    put(() => {
      const at = put(() => addConstant(body, index, r))
      tile.leftRowAt(at)
    }),
  )
  const isOuter = matmul.rights.some(({ layout }) => layout === 'mn-major') || matmul.left.layout === 'mn-major'
  const vectors = isOuter ? vectorsOf(matmul, rows) : 1
  body.get(first)
  forRange(body, end, vectors * GANG, (column) => {
    const sums = isOuter ? outer(block, leftRows, column, vectors) : inner(block, leftRows, column)
    rowLocals.forEach((row, r) => {
      for (let v = 0; v < vectors; v++) {
        const base = put(() => addConstant(body, column, v * GANG))
        const write = (): void =>
          epilogue(
            block,
            row,
            base,
            sums.map((right) => right[r][v]),
          )
        if (v === 0) write()
        else {
          body.get(base)
          body.get(end)
          body.op('i32.lt_u')
          body.when(write)
        }
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

/** Both operands K-major. */
function inner(
  { region, matmul, tile, range, end, isRelaxed, put }: Block,
  leftRows: readonly number[],
  column: number,
): readonly (readonly (readonly number[])[])[] {
  const { body } = region
  const last = put(() => addConstant(body, end, -1))
  const rowAddresses = leftRows.map((row) => put(() => addressOf(region, matmul.left, { row, expert: tile.expert })))
  const columnAddresses = matmul.rights.map((right) =>
    Array.from({ length: GANG }, (_, c) => {
      // columns behind the last are read as the last, and not written
      const at = put(() => least(body, () => addConstant(body, column, c), last))
      return put(() => addressOf(region, right, { column: at, expert: tile.expert }))
    }),
  )
  const sums = kMajorSums(
    { body, isRelaxed },
    { rows: rowAddresses, columns: columnAddresses },
    range.below,
    constantValue(matmul.k),
  )
  return sums.map((right) => right.map((sum) => [sum]))
}

/** The address in bytes of an operand's element at its first k. */
function addressOf(region: Region, operand: Operand, locals: Readonly<Record<string, number>>): void {
  const { body } = region
  emitWith(region, locals, operand.base)
  body.i32(2)
  body.op('i32.shl')
  body.get(region.buffers.get(operand.buffer)!.address)
  body.op('i32.add')
}

/** Leaves the k that stands at an index of the range. */
function emitK(region: Region, { kRange }: Matmul, operand: Operand, index: number, put: Put): void {
  const { body } = region
  const k =
    kRange.kind === 'all'
      ? index
      : put(() => {
          body.get(region.buffers.get(kRange.buffer)!.address)
          body.get(index)
          body.i32(2)
          body.op('i32.shl')
          body.op('i32.add')
          body.load('i32.load')
        })
  if (operand.layout === 'k-major' || operand.gather === null) body.get(k)
  else emitWith(region, { k_index: k }, operand.gather)
}

/** The address of an MN-major operand's row or column 0 at an index of K. */
function mnAddress(
  region: Region,
  matmul: Matmul,
  operand: Operand & { layout: 'mn-major' },
  base: number,
  index: number,
  put: Put,
): void {
  const { body } = region
  emitK(region, matmul, operand, index, put)
  emitDim(region, operand.stride)
  body.op('i32.mul')
  body.i32(2)
  body.op('i32.shl')
  body.get(base)
  body.op('i32.add')
}

/** How vectors of columns are read at one k: side by side of an MN-major operand, one by one of a K-major one. */
function columnsOf({ region, matmul, tile, end, put }: Block, right: Operand, column: number, vectors: number): Columns {
  const { body } = region
  const at = body.local('i32')
  if (right.layout === 'mn-major') {
    const base = put(() => {
      addressOf(region, right, { expert: tile.expert })
      scaled(body, column, WORD)
      body.op('i32.add')
    })
    return {
      begin: (index) => {
        mnAddress(region, matmul, right, base, index, put)
        body.set(at)
      },
      vector: (v) => {
        body.get(at)
        body.load('v128.load', v * GANG * WORD)
      },
    }
  }
  const last = put(() => addConstant(body, end, -1))
  const addresses = Array.from({ length: vectors * GANG }, (_, c) => {
    // columns behind the last are read as the last, and not written
    const known = put(() => least(body, () => addConstant(body, column, c), last))
    return put(() => addressOf(region, right, { column: known, expert: tile.expert }))
  })
  const loaded = body.local('v128')
  return {
    begin: (index) => {
      emitK(region, matmul, right, index, put)
      body.i32(2)
      body.op('i32.shl')
      body.set(at)
    },
    vector: (v) => {
      for (let c = 0; c < GANG; c++) {
        body.get(addresses[v * GANG + c])
        body.get(at)
        body.op('i32.add')
        if (c === 0) body.load('v128.load32_zero')
        else {
          body.get(loaded)
          body.memoryLane('v128.load32_lane', c)
        }
        if (c < GANG - 1) body.set(loaded)
      }
    },
  }
}

/** Some operand is MN-major: one element of K at a time, columns side by side. */
function outer(
  block: Block,
  leftRows: readonly number[],
  column: number,
  vectors: number,
): readonly (readonly (readonly number[])[])[] {
  const { region, matmul, tile, range, isRelaxed, put } = block
  const { body } = region
  const multiplying: Multiply = { body, isRelaxed }
  const { left } = matmul
  const rights = matmul.rights.map((right) => columnsOf(block, right, column, vectors))
  const at = body.local('i32')
  const leftBases = leftRows.map((row) =>
    put(() => {
      if (left.layout === 'k-major') addressOf(region, left, { row, expert: tile.expert })
      else {
        addressOf(region, left, { expert: tile.expert })
        scaled(body, row, WORD)
        body.op('i32.add')
      }
    }),
  )
  const begin = (index: number): void => {
    if (left.layout === 'k-major') {
      emitK(region, matmul, left, index, put)
      body.i32(2)
      body.op('i32.shl')
      return body.set(at)
    }
    const zero = put(() => body.i32(0))
    mnAddress(region, matmul, left, zero, index, put)
    body.set(at)
  }
  const splat = (row: number): void => {
    body.get(leftBases[row])
    body.get(at)
    body.op('i32.add')
    body.load('v128.load32_splat')
  }
  return outerSums(multiplying, { rows: leftRows.length, vectors }, range, rights, {
    begin,
    splat,
  })
}

/** The epilogue of one row and four columns. */
function epilogue({ region, matmul, end }: Block, row: number, column: number, sums: readonly number[]): void {
  const { body } = region
  const variables = new Map<string, Variable>(region.variables)
  variables.set('row', { shape: UNIFORM, type: 'u32', local: row })
  variables.set('column', { shape: { kind: 'affine', stride: 1, isAligned: true }, type: 'u32', local: column })
  sums.forEach((local, p) => variables.set(`sum${p}`, { shape: VARYING, type: 'f32', local }))
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
