/**
 * Operands of a matmul that are weights in a format. bf16 is decoded where it is multiplied, as that is one shift; rows or
 * columns of other formats are unpacked into the worker's own memory first, all of K, and serve all that is multiplied with them.
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

/** Whether four neighbours are decoded in the loop over K, of a right operand where all operands are K-major. */
const isDecodedInLoop = (region: Region, matmul: Matmul, operand: Operand): boolean =>
  storageOf(region.buffers, operand)?.format === 'bf16' && operand !== matmul.left && isAllKMajor(matmul)

export const isAllKMajor = ({ left, rights }: Matmul): boolean => [left, ...rights].every(({ layout }) => layout === 'k-major')

/** Whether rows of K are unpacked before they are multiplied. */
export const isUnpacked = (region: Region, matmul: Matmul, operand: Operand): boolean =>
  operand.layout === 'k-major' && storageOf(region.buffers, operand) !== undefined && !isDecodedInLoop(region, matmul, operand)

/** Bytes of an element, where each is a block of its own. */
export const elementBytes = (region: Region, operand: Operand): number => {
  const storage = storageOf(region.buffers, operand)
  return storage === undefined ? WORD : formatOf(storage.format).bytes
}

/** Bytes of a row of K as f32, in whole vectors and whole blocks. Throws where K is open, which that of no weight is. */
export function pitchOf(region: Region, { k }: Matmul, operand: Operand): number {
  const known = constantValue(k)
  if (known === undefined) throw new Error('the K of a weight is a number')
  const block = Math.max(GANG, formatOf(storageOf(region.buffers, operand)!.format).elements)
  return Math.ceil(known / block) * block * WORD
}

/** The local of the address of room for so many rows of K of any of the operands; null where none is unpacked. */
export function roomFor(
  region: Region,
  matmul: Matmul,
  operands: readonly Operand[],
  rows: number,
  own: (bytes: number) => number,
): number | null {
  const pitches = operands.filter((one) => isUnpacked(region, matmul, one)).map((one) => pitchOf(region, matmul, one))
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
  const step = Math.max(GANG, elements)
  const end = keep(body, () => addConstant(body, out, Math.ceil(k / step) * step * WORD))
  body.loop(() => {
    for (let place = 0; place < step; place += GANG) {
      body.get(out)
      decodeNear(body, storage!.format, from, place)
      body.store('v128.store', place * WORD)
    }
    addConstant(body, from, elements === 1 ? GANG * bytes : bytes)
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

/** Leaves one vector of a row of K: as it is, or bf16, so many vectors behind an address that a local holds. */
export function loadVector(region: Region, matmul: Matmul, operand: Operand, pointer: number, vector: number): void {
  const { body } = region
  if (isDecodedInLoop(region, matmul, operand)) return decodeNear(body, 'bf16', pointer, vector * GANG)
  body.get(pointer)
  body.load('v128.load', vector * VECTOR_BYTES)
}

/** Bytes from one vector of a row of K to the next, where it is loaded. */
export const vectorBytes = (region: Region, matmul: Matmul, operand: Operand): number =>
  isDecodedInLoop(region, matmul, operand) ? GANG * elementBytes(region, operand) : VECTOR_BYTES

/** The address of row number `index`, a local, of unpacked rows. */
export const unpackedRow = (region: Region, matmul: Matmul, operand: Operand, room: number, index: number): number =>
  keep(region.body, () => {
    scale(region.body, index, pitchOf(region, matmul, operand))
    region.body.get(room)
    region.body.op('i32.add')
  })
