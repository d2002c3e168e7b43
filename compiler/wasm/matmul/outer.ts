/**
 * Sums of a block where some operand is MN-major: two rows and sixteen columns at a time, one element of K after the other in
 * ascending order. The sums begin at 0 in memory and are taken up again for each block of K, which changes no bit of them.
 *
 * Columns of the right operand, and rows of an MN-major left one, are first packed side by side, a block of K of them, as their
 * rows in memory are far apart. Eight sums, six operands and a product fill the registers, as in `inner.ts`.
 */
import { constantValue } from '../../../plan/dim.ts'
import type { Matmul, Operand } from '../../kernel/ir/matmul.ts'
import { emitDim } from '../gang/dim.ts'
import type { Region } from '../gang/gang.ts'
import { GANG } from '../gang/shape.ts'
import { addConstant, combine, keep, minimum, scale, WORD } from '../integers.ts'
import { forRange } from '../loops.ts'
import { accumulate } from './accumulate.ts'
import { clearSums, COLUMNS, entry, forRowPairs, sumsAddress, sumsRow, type Block } from './block.ts'
import { addressOf, isPlain } from './operands.ts'
import { PANEL, PANEL_ROW, packKMajor, packMnMajor, panelAddress, type Panels } from './pack.ts'
import { mostRows, type Range } from './tiles.ts'

/** Elements of K that are packed at a time, at most. */
const MOST_K = 1024
/** The same where K is open. */
const OPEN_K = 512
/** Up to so many rows, an MN-major right operand is read where it is. */
const FEW_ROWS = 2

/** Packed operands, and what they hold. */
interface Packed {
  readonly k: number
  readonly left: number | null
  readonly rights: readonly number[]
  /**
   * Locals of what is held from one workgroup to the next, of the left operand where it is packed, otherwise of the right ones:
   * one more than the expert, 0 where it is no whole range of K; and the first row or column.
   */
  readonly expert: number
  readonly first: number
}

/** What is emitted once for a kernel, before what is for a block. `own` makes room and returns the local of its address. */
export function createOuterSums(
  region: Region,
  matmul: Matmul,
  own: (bytes: number) => number,
): (block: Block, range: Range) => void {
  const { body } = region
  const k = Math.max(1, Math.min(MOST_K, constantValue(matmul.k) ?? OPEN_K))
  const room = (lines: number): number => own(Math.ceil(lines / PANEL) * k * PANEL_ROW)
  const packed: Packed = {
    k,
    left: matmul.left.layout === 'mn-major' ? room(mostRows(matmul)) : null,
    rights: matmul.rights.map(() => room(COLUMNS)),
    expert: body.local('i32'),
    first: body.local('i32'),
  }
  return (block, range) => outerSums(block, packed, range)
}

function outerSums(block: Block, packed: Packed, range: Range): void {
  const { region, matmul } = block
  const { body } = region
  clearSums(block)
  const isDirect = keep(body, () => {
    if (!matmul.rights.every((right) => isPlain(region.buffers, matmul, right))) return body.i32(0)
    body.get(block.tile.count)
    body.i32(FEW_ROWS + 1)
    body.op('i32.lt_u')
  })
  body.get(range.from)
  forRange(body, range.below, packed.k, (from) => {
    const below = keep(body, () => minimum(body, () => addConstant(body, from, packed.k), range.below))
    const part: Range = { from, below }
    if (packed.left !== null) unlessHeld(block, packed, range, part, () => packLeft(block, packed, part))
    body.get(isDirect)
    body.op('i32.eqz')
    body.when(() => {
      if (packed.left !== null) packRights(block, packed, part)
      else unlessHeld(block, packed, range, part, () => packRights(block, packed, part))
    })
    matmul.rights.forEach((right, p) => {
      const columns = columnsOf(block, packed, p, right, isDirect, from)
      multiplyPanels(block, packed, p, part, columns)
    })
  })
}

/** The local of the first row of an MN-major left operand. */
function firstRow({ tile }: Block): number {
  if (tile.firstRow === null) throw new Error('rows of an MN-major left operand are neighbours')
  return tile.firstRow
}

/** Packs, unless the last workgroup had the same rows or columns of the same expert. */
function unlessHeld(block: Block, packed: Packed, whole: Range, part: Range, pack: () => void): void {
  const { body } = block.region
  const first = packed.left === null ? block.first : firstRow(block)
  const expert = keep(body, () => addConstant(body, block.tile.expert, 1))
  combine(body, packed.expert, 'i32.ne', expert)
  combine(body, packed.first, 'i32.ne', first)
  body.op('i32.or')
  body.when(() => {
    pack()
    body.get(first)
    body.set(packed.first)
    // what is held serves the next workgroup where it is all of K
    body.get(expert)
    body.i32(0)
    combine(body, whole.from, 'i32.eq', part.from)
    combine(body, whole.below, 'i32.eq', part.below)
    body.op('i32.and')
    body.op('select')
    body.set(packed.expert)
  })
}

function packLeft(block: Block, { k, left: address }: Packed, range: Range): void {
  const { region, matmul, tile } = block
  const { left } = matmul
  if (left.layout !== 'mn-major' || address === null) return
  const panels: Panels = { address, k, most: mostRows(matmul), lines: tile.count }
  packMnMajor(region, matmul, left, { expert: tile.expert, first: firstRow(block), range }, panels)
}

function packRights(block: Block, packed: Packed, range: Range): void {
  const { region, matmul, tile, first, end } = block
  const { body } = region
  const lines = keep(body, () => {
    body.get(end)
    body.get(first)
    body.op('i32.sub')
  })
  matmul.rights.forEach((right, p) => {
    const panels: Panels = { address: packed.rights[p], k: packed.k, most: COLUMNS, lines }
    if (right.layout === 'mn-major') packMnMajor(region, matmul, right, { expert: tile.expert, first, range }, panels)
    else packKMajor(block, right, range, panels)
  })
}

/** Locals of where the columns from `first` on are at the first k, and the bytes to the next k and to the next panel. */
interface PanelColumns {
  readonly address: number
  readonly stride: number
  readonly next: number
}

function columnsOf(
  { region, matmul, tile, first }: Block,
  packed: Packed,
  p: number,
  right: Operand,
  isDirect: number,
  from: number,
): PanelColumns {
  const { body } = region
  const address = keep(body, () => body.get(packed.rights[p]))
  const stride = keep(body, () => body.i32(PANEL_ROW))
  const next = keep(body, () => body.i32(packed.k * PANEL_ROW))
  if (isPlain(region.buffers, matmul, right)) {
    body.get(isDirect)
    body.when(() => {
      emitDim(region, right.stride)
      body.i32(WORD)
      body.op('i32.mul')
      body.set(stride)
      addressOf(region, right, { expert: tile.expert })
      scale(body, first, WORD)
      body.op('i32.add')
      combine(body, from, 'i32.mul', stride)
      body.op('i32.add')
      body.set(address)
      body.i32(PANEL * WORD)
      body.set(next)
    })
  }
  return { address, stride, next }
}

/** All rows and panels of columns of the block, over one range of K. */
function multiplyPanels(block: Block, packed: Packed, p: number, range: Range, columns: PanelColumns): void {
  const { region, first, end } = block
  const { body } = region
  const count = keep(body, () => {
    body.get(range.below)
    body.get(range.from)
    body.op('i32.sub')
  })
  const bytes = keep(body, () => combine(body, count, 'i32.mul', columns.stride))
  body.get(first)
  forRange(body, end, PANEL, (column) => {
    forRowPairs(block, (index, rows) => {
      const sums = keep(body, () => sumsAddress(block, p, index, column))
      const left = leftPointers(block, packed, index, rows, range.from)
      multiplyTile(block, sums, rows, left, columns, bytes)
    })
    combine(body, columns.address, 'i32.add', columns.next)
    body.set(columns.address)
  })
}

/** Where elements of the left operand's rows are: locals of addresses, which move on by `stride` bytes at each k. */
interface LeftPointers {
  readonly pointers: readonly number[]
  /** By row: which of the pointers, and bytes behind it. */
  readonly rows: readonly { readonly pointer: number; readonly offset: number }[]
  readonly stride: number
}

function leftPointers({ region, leftRows }: Block, packed: Packed, index: number, rows: number, from: number): LeftPointers {
  const { body } = region
  const numbers = Array.from({ length: rows }, (_, r) => r)
  if (packed.left === null) {
    const pointers = numbers.map((r) =>
      keep(body, () => {
        entry(body, leftRows, index, r)
        scale(body, from, WORD)
        body.op('i32.add')
      }),
    )
    return { pointers, rows: pointers.map((pointer) => ({ pointer, offset: 0 })), stride: WORD }
  }
  const { left, k } = packed
  const pointer = keep(body, () => panelAddress(body, index, k, left))
  return { pointers: [pointer], rows: numbers.map((r) => ({ pointer, offset: r * WORD })), stride: PANEL_ROW }
}

/** One or two rows and a panel of columns: sums are taken up from memory and put back. */
function multiplyTile(
  block: Block,
  address: number,
  rows: number,
  left: LeftPointers,
  { address: start, stride }: PanelColumns,
  bytes: number,
): void {
  const { region, matmul } = block
  const { body } = region
  const vectors = Math.min(PANEL / GANG, Math.ceil((constantValue(matmul.columns) ?? PANEL) / GANG))
  const eachSum = (run: (r: number, v: number, offset: number) => void): void => {
    for (let r = 0; r < rows; r++) for (let v = 0; v < vectors; v++) run(r, v, r * sumsRow(block) + v * GANG * WORD)
  }
  const sums = Array.from({ length: rows }, () => Array.from({ length: vectors }, () => body.local('v128')))
  eachSum((r, v, offset) => {
    body.get(address)
    body.load('v128.load', offset)
    body.set(sums[r][v])
  })
  const pointer = keep(body, () => body.get(start))
  const end = keep(body, () => combine(body, start, 'i32.add', bytes))
  const a = body.local('v128')
  const loaded = Array.from({ length: vectors }, () => body.local('v128'))
  body.loop(() => {
    loaded.forEach((b, v) => {
      body.get(pointer)
      body.load('v128.load', v * GANG * WORD)
      body.set(b)
    })
    left.rows.forEach((row, r) => {
      body.get(row.pointer)
      body.load('v128.load32_splat', row.offset)
      body.set(a)
      loaded.forEach((b, v) => accumulate(block, sums[r][v], a, b))
    })
    for (const moving of left.pointers) {
      addConstant(body, moving, left.stride)
      body.set(moving)
    }
    combine(body, pointer, 'i32.add', stride)
    body.tee(pointer)
    body.get(end)
    body.op('i32.lt_u')
    body.branchIf(0)
  })
  eachSum((r, v, offset) => {
    body.get(address)
    body.get(sums[r][v])
    body.store('v128.store', offset)
  })
}
