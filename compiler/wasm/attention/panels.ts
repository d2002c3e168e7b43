/**
 * Copies of rows in a worker's own memory. A panel has the own rows of a workgroup, four side by side in a vector, gang by gang;
 * a pack has the rows of a block one after the other.
 */
import type { FunctionBody } from '../function.ts'
import { GANG } from '../gang/shape.ts'
import { addConstant, combine, keep, scale, WORD } from '../integers.ts'
import { forRange } from '../loops.ts'
import { BLOCK, PAIR, rowAddress, VECTOR, type Frame, type Rows } from './frame.ts'

/** Bytes of a panel of rows of so many elements. */
export const panelBytes = (rows: number, width: number): number => Math.ceil(rows / (PAIR * GANG)) * PAIR * GANG * width * WORD

/** Bytes of a pack: the last vector of the last row may be longer than the row. */
export const packBytes = (width: number): number => BLOCK * width * WORD + VECTOR

/** The address of memory of the worker's own. */
export const ownAddress = ({ body, region }: Frame, offset: number): number =>
  keep(body, () => addConstant(body, region.memory, offset))

/** The local of the address of a gang's part of a panel. */
export const gangAddress = (body: FunctionBody, panel: number, gang: number, width: number): number =>
  keep(body, () => {
    scale(body, gang, width * VECTOR)
    body.get(panel)
    body.op('i32.add')
  })

/** Zeros, whole vectors. */
export function clear(body: FunctionBody, address: number, bytes: number): void {
  const end = keep(body, () => body.i32(bytes))
  body.i32(0)
  forRange(body, end, VECTOR, (at) => {
    combine(body, address, 'i32.add', at)
    body.v128([0, 0, 0, 0])
    body.store('v128.store')
  })
}

/** Fills a panel with the own rows of the workgroup, times a factor; zeros where there are none. */
export function fillPanel(frame: Frame, panel: number, rows: Rows, width: number, factor = 1): void {
  const { body, first, count } = frame
  clear(body, panel, panelBytes(frame.attention.rows, width))
  const end = keep(body, () => body.i32(width * WORD))
  body.i32(0)
  forRange(body, count, 1, (row) => {
    const from = rowAddress(
      body,
      rows,
      keep(body, () => combine(body, first, 'i32.add', row)),
    )
    const to = laneAddress(body, panel, row, width)
    body.i32(0)
    forRange(body, end, WORD, (at) => {
      addTimes(body, to, at, GANG)
      combine(body, from, 'i32.add', at)
      body.load('f32.load')
      if (factor !== 1) {
        body.f32(factor)
        body.op('f32.mul')
      }
      body.store('f32.store')
    })
  })
}

/** Stores the rows of a panel as the own rows. */
export function storePanel(frame: Frame, panel: number, rows: Rows, width: number): void {
  const { body, first, count } = frame
  const end = keep(body, () => body.i32(width * WORD))
  body.i32(0)
  forRange(body, count, 1, (row) => {
    const to = rowAddress(
      body,
      rows,
      keep(body, () => combine(body, first, 'i32.add', row)),
    )
    const from = laneAddress(body, panel, row, width)
    body.i32(0)
    forRange(body, end, WORD, (at) => {
      combine(body, to, 'i32.add', at)
      addTimes(body, from, at, GANG)
      body.load('f32.load')
      body.store('f32.store')
    })
  })
}

/** Leaves a + b * times. */
function addTimes(body: FunctionBody, a: number, b: number, times: number): void {
  scale(body, b, times)
  body.get(a)
  body.op('i32.add')
}

/** Where the elements of a row begin in a panel. */
const laneAddress = (body: FunctionBody, panel: number, row: number, width: number): number =>
  keep(body, () => {
    body.get(row)
    body.i32(-GANG)
    body.op('i32.and')
    body.i32(width * WORD)
    body.op('i32.mul')
    body.get(row)
    body.i32(GANG - 1)
    body.op('i32.and')
    body.i32(WORD)
    body.op('i32.mul')
    body.op('i32.add')
    body.get(panel)
    body.op('i32.add')
  })

/** Fills a pack with rows `block` .. `block + BLOCK - 1`; zeros from row `below` on. */
export function fillPack(frame: Frame, pack: number, rows: Rows, width: number, block: number, below: number): void {
  const { body } = frame
  const left = keep(body, () => combine(body, below, 'i32.sub', block))
  const isShort = keep(body, () => {
    body.get(left)
    body.i32(BLOCK)
    body.op('i32.lt_u')
  })
  body.get(isShort)
  body.when(() => clear(body, pack, packBytes(width)))
  const count = keep(body, () => {
    body.get(left)
    body.i32(BLOCK)
    body.get(isShort)
    body.op('select')
  })
  const from = rowAddress(body, rows, block)
  const to = keep(body, () => body.get(pack))
  // the vector behind a row is written over by the next row, and behind the last one by zeros
  const vectors = Math.ceil(width / GANG)
  body.i32(0)
  forRange(body, count, 1, () => {
    for (let vector = 0; vector < vectors; vector++) {
      body.get(to)
      body.get(from)
      body.load('v128.load', vector * VECTOR)
      body.store('v128.store', vector * VECTOR)
    }
    combine(body, from, 'i32.add', rows.stride)
    body.set(from)
    addConstant(body, to, width * WORD)
    body.set(to)
  })
  if (width % GANG === 0) return
  body.get(to)
  body.v128([0, 0, 0, 0])
  body.store('v128.store')
}
