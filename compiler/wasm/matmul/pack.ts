/** Operands packed into panels: at each k, sixteen neighbouring rows or columns side by side, a line of the cache. */
import type { Matmul, Operand } from '../../kernel/ir/matmul.ts'
import type { FunctionBody } from '../function.ts'
import type { Region } from '../gang/gang.ts'
import { GANG } from '../gang/shape.ts'
import { addConstant, combine, keep, scale, toAddress, WORD } from '../integers.ts'
import { forRange } from '../loops.ts'
import type { Block } from './block.ts'
import { addressOf, columnAddresses, emitWith, mnAddress } from './operands.ts'
import { loadingOf, loadNeighbours, storageOf } from './stored.ts'
import type { Range } from './tiles.ts'

/** Rows or columns of a panel. */
export const PANEL = 16
/** Bytes of a panel at one k. */
export const PANEL_ROW = PANEL * WORD

export interface Panels {
  /** The local of the address. */
  readonly address: number
  /** Elements of K that there is room for. */
  readonly k: number
  /** Rows or columns at most, and the local of how many there are. */
  readonly most: number
  readonly lines: number
}

/** Locals: of which expert, from which row or column on, over which elements of K. */
interface Source {
  readonly expert: number
  readonly first: number
  readonly range: Range
}

/** Where a row or column is at the first k: a local has its number, another the address of panels of `k` elements each. */
export function panelAddress(body: FunctionBody, line: number, k: number, address: number): void {
  body.get(line)
  body.i32(Math.log2(PANEL))
  body.op('i32.shr_u')
  body.i32(k * PANEL_ROW)
  body.op('i32.mul')
  body.get(line)
  body.i32(PANEL - 1)
  body.op('i32.and')
  toAddress(body, address)
  body.op('i32.add')
}

/** Whole panels are copied: of the last, some rows or columns may lie outside and are never used. */
export function packMnMajor(
  region: Region,
  matmul: Matmul,
  operand: Operand & { layout: 'mn-major' },
  { expert, first, range }: Source,
  { address, k, most, lines }: Panels,
): void {
  const { body } = region
  const isStored = storageOf(region.buffers, operand) !== undefined
  // of a stored operand an index, else an address
  const base = keep(body, () => {
    if (isStored) emitWith(region, { expert }, operand.base)
    else addressOf(region, operand, { expert })
    scale(body, first, isStored ? 1 : WORD)
    body.op('i32.add')
  })
  const to = keep(body, () => body.get(address))
  const from = body.local('i32')
  const copy = (panel: number): void => {
    for (let v = 0; v < PANEL / GANG; v++) {
      body.get(to)
      if (isStored) {
        const index = keep(body, () => addConstant(body, from, panel * PANEL + v * GANG))
        loadNeighbours(region, operand, index)
      } else {
        body.get(from)
        body.load('v128.load', panel * PANEL_ROW + v * GANG * WORD)
      }
      body.store('v128.store', panel * k * PANEL_ROW + v * GANG * WORD)
    }
  }
  body.get(range.from)
  forRange(body, range.below, 1, (index) => {
    mnAddress(region, matmul, operand, base, index, isStored ? 0 : 2)
    body.set(from)
    copy(0)
    for (let panel = 1; panel * PANEL < most; panel++) {
      body.get(lines)
      body.i32(panel * PANEL)
      body.op('i32.gt_u')
      body.when(() => copy(panel))
    }
    addConstant(body, to, PANEL_ROW)
    body.set(to)
  })
}

/** Four columns at a time are transposed. */
export function packKMajor(block: Block, right: Operand & { layout: 'k-major' }, range: Range, { address, k }: Panels): void {
  const { region, matmul, first, end } = block
  const { body } = region
  const loading = loadingOf(region, matmul, right, 'more')
  const loaded = body.local('v128')
  const one = keep(body, () => body.i32(1))
  body.get(first)
  forRange(body, end, GANG, (column) => {
    const columns = columnAddresses(block, right, column, one, GANG, loading)
    const place = keep(body, () => {
      body.get(column)
      body.get(first)
      body.op('i32.sub')
    })
    const to = keep(body, () => panelAddress(body, place, k, address))
    body.get(range.from)
    forRange(body, range.below, 1, (index) => {
      const at = keep(body, () => scale(body, index, WORD))
      columns.forEach((start, lane) => {
        combine(body, start, 'i32.add', at)
        if (lane === 0) body.load('v128.load32_zero')
        else {
          body.get(loaded)
          body.memoryLane('v128.load32_lane', lane)
        }
        body.set(loaded)
      })
      body.get(to)
      body.get(loaded)
      body.store('v128.store')
      addConstant(body, to, PANEL_ROW)
      body.set(to)
    })
  })
}
