/**
 * Operands of a matmul that are weights in a format. Rows or columns are unpacked into the worker's own memory first, all of K,
 * and serve all that is multiplied with them, also in workgroups that follow (`held-columns.ts`). bf16 is decoded where it is
 * multiplied if that is one pair of rows: it is one shift.
 */
import { constantValue } from '../../../plan/dim.ts'
import { formatOf, type WeightStorage } from '../../../plan/storage/formats.ts'
import type { Matmul, Operand } from '../../kernel/ir/matmul.ts'
import { decodeAt, decodeNear } from '../decode.ts'
import type { FunctionBody } from '../function.ts'
import type { Region } from '../gang/gang.ts'
import { GANG } from '../gang/shape.ts'
import { addConstant, keep, scale, toAddress, WORD } from '../integers.ts'
import { forRange } from '../loops.ts'

export const VECTOR_BYTES = GANG * WORD

/** The buffers of a kernel by their names, as far as how they are stored goes. */
export type Storages = ReadonlyMap<string, { readonly storage?: WeightStorage }>

export const storageOf = (buffers: Storages, { buffer }: Operand): WeightStorage | undefined => buffers.get(buffer)!.storage

export const isAllKMajor = ({ left, rights }: Matmul): boolean => [left, ...rights].every(({ layout }) => layout === 'k-major')

/** How vectors of K are loaded: as they are in memory, decoded from bf16, or from rows that were unpacked. */
export type Loading = 'plain' | 'decoded' | 'unpacked'

/** That of an operand, in tiles of one pair of rows and in those of more, which share what is unpacked. */
export function loadingOf(region: Region, matmul: Matmul, operand: Operand, rows: 'pair' | 'more'): Loading {
  const storage = storageOf(region.buffers, operand)
  if (operand.layout !== 'k-major' || storage === undefined) return 'plain'
  const isShift = storage.format === 'bf16' && operand !== matmul.left && isAllKMajor(matmul)
  return isShift && rows === 'pair' ? 'decoded' : 'unpacked'
}

/** Bytes of an element, where each is a block of its own. */
export const elementBytes = (region: Region, operand: Operand): number => {
  const storage = storageOf(region.buffers, operand)
  return storage === undefined ? WORD : formatOf(storage.format).bytes
}

/** Elements of K that are unpacked together, where each is a block of its own. */
const TOGETHER = 16

/** Elements of K that are unpacked in one turn of a loop. */
const unpackedTogether = ({ format }: WeightStorage): number => {
  const { elements } = formatOf(format)
  return elements === 1 ? TOGETHER : Math.max(GANG, elements)
}

/** Bytes of a row of K as f32, in whole turns of the loop that unpacks it. Throws where K is open, which that of no weight is. */
export function pitchOf(region: Region, { k }: Matmul, operand: Operand): number {
  const known = constantValue(k)
  if (known === undefined) throw new Error('the K of a weight is a number')
  const together = unpackedTogether(storageOf(region.buffers, operand)!)
  return Math.ceil(known / together) * together * WORD
}

/** The local of the address of room for so many rows of K of any of the operands; null where none is unpacked. */
export function roomFor(
  region: Region,
  matmul: Matmul,
  operands: readonly Operand[],
  rows: number,
  own: (bytes: number) => number,
): number | null {
  const pitches = operands
    .filter((one) => loadingOf(region, matmul, one, 'more') === 'unpacked')
    .map((one) => pitchOf(region, matmul, one))
  return pitches.length === 0 ? null : own(rows * Math.max(...pitches))
}

/** Unpacks a row of K: `index` leaves the number of its first element, the local `to` is an address. */
export function unpackRow(region: Region, matmul: Matmul, operand: Operand, index: () => void, to: number): void {
  const { body, buffers } = region
  const { address, storage } = buffers.get(operand.buffer)!
  const { elements, bytes } = formatOf(storage!.format)
  const k = constantValue(matmul.k)!
  const first = keep(body, index)
  const out = keep(body, () => body.get(to))
  const isWhole = elements === 1 || (storage!.row === undefined ? k % elements === 0 : storage!.row === k)
  if (!isWhole) return unpackAnywhere(body, storage!, address, { first, out, k })
  const from = keep(body, () => {
    body.get(first)
    body.i32(storage!.row ?? elements)
    body.op('i32.div_u')
    body.i32((storage!.row === undefined ? 1 : Math.ceil(k / elements)) * bytes)
    body.op('i32.mul')
    body.get(address)
    body.op('i32.add')
  })
  const step = unpackedTogether(storage!)
  const end = keep(body, () => addConstant(body, out, Math.ceil(k / step) * step * WORD))
  body.loop(() => {
    for (let place = 0; place < step; place += GANG) {
      body.get(out)
      decodeNear(body, storage!.format, from, place)
      body.store('v128.store', place * WORD)
    }
    addConstant(body, from, elements === 1 ? step * bytes : bytes)
    body.set(from)
    addConstant(body, out, step * WORD)
    body.tee(out)
    body.get(end)
    body.op('i32.lt_u')
    body.branchIf(0)
  })
}

/** A row that does not begin with a block: each element is looked up. */
function unpackAnywhere(
  body: FunctionBody,
  storage: WeightStorage,
  address: number,
  { first, out, k }: { readonly first: number; readonly out: number; readonly k: number },
): void {
  const last = keep(body, () => addConstant(body, first, k - 1))
  const below = keep(body, () => addConstant(body, first, k))
  body.get(first)
  forRange(body, below, GANG, (at) => {
    body.get(out)
    neighbours(body, at, last)
    decodeAt(body, storage, address)
    body.store('v128.store')
    addConstant(body, out, VECTOR_BYTES)
    body.set(out)
  })
}

/** Leaves four indices from the local `first` on, none above the local `last`. */
function neighbours(body: FunctionBody, first: number, last: number): void {
  body.get(first)
  body.op('i32x4.splat')
  body.v128([0, 1, 2, 3])
  body.op('i32x4.add')
  body.get(last)
  body.op('i32x4.splat')
  body.op('i32x4.min_u')
}

/** Leaves four neighbours of an MN-major operand, from the element whose index a local holds on; none is behind the last. */
export function loadNeighbours(region: Region, operand: Operand, index: number): void {
  const { body, buffers } = region
  const { address, elements, storage } = buffers.get(operand.buffer)!
  const { elements: block, bytes } = formatOf(storage!.format)
  if (block > 1) {
    const last = keep(body, () => addConstant(body, elements, -1))
    neighbours(body, index, last)
    return decodeAt(body, storage!, address)
  }
  const from = keep(body, () => {
    body.get(index)
    toAddress(body, address, Math.log2(bytes))
  })
  decodeNear(body, storage!.format, from, 0)
}

/** Leaves one vector of a row of K, so many vectors behind an address that a local holds. */
export function loadVector({ body }: Region, loading: Loading, pointer: number, vector: number): void {
  if (loading === 'decoded') return decodeNear(body, 'bf16', pointer, vector * GANG)
  body.get(pointer)
  body.load('v128.load', vector * VECTOR_BYTES)
}

/** Bytes from one vector of a row of K to the next, where it is loaded. */
export const vectorBytes = (loading: Loading): number => (loading === 'decoded' ? GANG * formatOf('bf16').bytes : VECTOR_BYTES)

/** The address of row number `index`, a local, of unpacked rows. */
export const unpackedRow = (region: Region, matmul: Matmul, operand: Operand, room: number, index: number): number =>
  keep(region.body, () => {
    scale(region.body, index, pitchOf(region, matmul, operand))
    region.body.get(room)
    region.body.op('i32.add')
  })
