/**
 * Loads of a gang. An index of no element becomes that of one, as WebGPU's loads have it: branches of a `select` may
 * compute an index that nobody uses.
 */
import { formatOf, type WeightStorage } from '../../../plan/storage/formats.ts'
import type { ScalarType } from '../../scalar/expression.ts'
import { decodeAt, decodeNear } from '../decode.ts'
import type { FunctionBody } from '../function.ts'
import { toAddress, toAddresses } from '../integers.ts'
import type { Gang, LocalArray } from './gang.ts'
import { GANG } from './shape.ts'

/** Memory that elements are read from: its address and its length, and bytes that are added to the address. */
export interface Elements {
  readonly type: ScalarType
  /** How they are stored, where not as elements of the type. */
  readonly storage?: WeightStorage
  readonly address: number
  readonly offset: number
  /** Leaves the number of elements. */
  readonly length: () => void
}

/** A thread's own array begins at its gang's part of the memory. */
export const arrayAddress = (
  { memory, own, ownBase }: Gang,
  { isShared, offset }: LocalArray,
): Pick<Elements, 'address' | 'offset'> => (isShared ? { address: memory, offset } : { address: own, offset: ownBase + offset })

/** An index on the stack -> its element. */
export function loadOne(body: FunctionBody, { type, storage, address, offset, length }: Elements): void {
  clamp(body, length)
  if (storage !== undefined) {
    body.op('i32x4.splat')
    decodeAt(body, storage, address)
    return body.lane('f32x4.extract_lane', 0)
  }
  toAddress(body, address)
  body.load(type === 'f32' ? 'f32.load' : 'i32.load', offset)
  if (type !== 'bool') return
  body.i32(0)
  body.op('i32.ne')
}

/** The index of the first on the stack -> four elements in a row. */
export function loadRow(body: FunctionBody, elements: Elements): void {
  const { type, storage, address, offset, length } = elements
  if (storage !== undefined) return loadStoredRow(body, storage, elements)
  clampBase(body, length)
  toAddress(body, address)
  body.load('v128.load', offset)
  if (type === 'bool') toMask(body)
}

/** Neighbours that are blocks of their own are one load; of others, each has a place in its block. */
function loadStoredRow(body: FunctionBody, storage: WeightStorage, { address, length }: Elements): void {
  const { elements, bytes } = formatOf(storage.format)
  if (elements > 1) {
    body.op('i32x4.splat')
    body.v128([0, 1, 2, 3])
    body.op('i32x4.add')
    clampEach(body, length)
    return decodeAt(body, storage, address)
  }
  clampBase(body, length)
  const first = body.local('i32')
  toAddress(body, address, Math.log2(bytes))
  body.set(first)
  decodeNear(body, storage.format, first, 0)
}

/** An index of threads' own arrays on the stack -> the element of each of the four, which are side by side. */
export function loadOwn(body: FunctionBody, { type, address, offset, length }: Elements): void {
  clamp(body, length)
  toAddress(body, address, 4)
  body.load('v128.load', offset)
  if (type === 'bool') toMask(body)
}

/** Four indices on the stack -> their elements. */
export function gather(body: FunctionBody, { type, storage, address, offset, length }: Elements, isInterleaved: boolean): void {
  clampEach(body, length)
  if (storage !== undefined) return decodeAt(body, storage, address)
  if (isInterleaved) interleave(body)
  const [addresses, result] = [body.local('v128'), body.local('v128')]
  toAddresses(body, address)
  body.set(addresses)
  body.get(addresses)
  body.lane('i32x4.extract_lane', 0)
  body.load('v128.load32_zero', offset)
  for (let lane = 1; lane < GANG; lane++) {
    body.set(result)
    body.get(addresses)
    body.lane('i32x4.extract_lane', lane)
    body.get(result)
    body.memoryLane('v128.load32_lane', lane, offset)
  }
  if (type === 'bool') toMask(body)
}

/** Indices of threads' own arrays -> the places of their elements among those of all four. */
export function interleave(body: FunctionBody): void {
  body.i32(2)
  body.op('i32x4.shl')
  body.v128([0, 1, 2, 3])
  body.op('i32x4.add')
}

/** All ones where a word is not 0. */
export function toMask(body: FunctionBody): void {
  body.v128([0, 0, 0, 0])
  body.op('i32x4.ne')
}

function clamp(body: FunctionBody, length: () => void): void {
  const index = body.local('i32')
  body.tee(index)
  body.i32(0)
  body.get(index)
  length()
  body.op('i32.lt_u')
  body.op('select')
}

/**
 * Keeps a base of four elements within reach of the buffer: where a thread in use reads an element, none of them lies further out
 * than three elements on either side, which is memory, if not the buffer's.
 */
function clampBase(body: FunctionBody, length: () => void): void {
  const index = body.local('i32')
  body.tee(index)
  body.i32(0)
  body.get(index)
  body.i32(GANG - 1)
  body.op('i32.add')
  length()
  body.i32(GANG - 1)
  body.op('i32.add')
  body.op('i32.lt_u')
  body.op('select')
}

function clampEach(body: FunctionBody, length: () => void): void {
  const index = body.local('v128')
  body.tee(index)
  body.get(index)
  length()
  body.op('i32x4.splat')
  body.op('i32x4.lt_u')
  body.op('v128.and')
}
