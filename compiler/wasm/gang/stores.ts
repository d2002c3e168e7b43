/** Stores of a gang: of those of its threads that are here, in their order. */
import type { Expression, Statement } from '../../scalar/expression.ts'
import type { FunctionBody } from '../function.ts'
import { addConstant, keep, toAddress, toAddresses, WORD } from '../integers.ts'
import { emitLanes, emitScalar } from './expression.ts'
import { found, shapeIn, valueType, type Region } from './gang.ts'
import { arrayAddress, interleave, type Elements } from './memory.ts'
import { GANG } from './shape.ts'

/** Runs where some thread is here. */
export function whereAny(body: FunctionBody, mask: number, run: () => void): void {
  body.get(mask)
  body.op('v128.any_true')
  body.when(run)
}

/** A value of four as it is stored: a bool as 0 or 1. */
function emitStored(region: Region, value: Expression): number {
  const { body } = region
  const local = body.local('v128')
  emitLanes(region, value)
  if (value.type === 'bool') {
    body.v128([1, 1, 1, 1])
    body.op('v128.and')
  }
  body.set(local)
  return local
}

function emitStoredScalar(region: Region, value: Expression): number {
  const { body } = region
  const local = body.local(valueType(value.type))
  emitScalar(region, value)
  body.set(local)
  return local
}

export function storeBuffer(region: Region, s: Statement & { kind: 'store' }): void {
  const { buffers } = region
  put(region, s, { address: found(buffers.get(s.buffer), s.buffer).address, offset: 0 }, false)
}

export function storeElement(region: Region, s: Statement & { kind: 'assign-element' }): void {
  const array = found(region.arrays.get(s.array), s.array)
  put(region, s, arrayAddress(region, array), !array.isShared)
}

/** Stores of the threads that are here, in their order. */
function put(
  region: Region,
  { index, value }: { readonly index: Expression; readonly value: Expression },
  { address, offset }: Pick<Elements, 'address' | 'offset'>,
  isInterleaved: boolean,
): void {
  const { body, mask } = region
  const shape = shapeIn(region, index)
  const place = (bits: number): number =>
    keep(body, () => {
      emitScalar(region, index)
      toAddress(body, address, bits)
    })
  const one = (at: () => void, lane: number, values: number): void => {
    at()
    body.get(values)
    body.memoryLane('v128.store32_lane', lane, offset)
  }
  if (isInterleaved && shape.kind === 'uniform') {
    const [at, values] = [place(4), emitStored(region, value)]
    body.get(at)
    body.get(values)
    if (mask !== null) {
      body.get(at)
      body.load('v128.load', offset)
      body.get(mask)
      body.op('v128.bitselect')
    }
    return body.store('v128.store', offset)
  }
  // the same place and value from every thread
  if (shape.kind === 'uniform' && shapeIn(region, value).kind === 'uniform') {
    const [at, stored] = [place(2), emitStoredScalar(region, value)]
    const store = (): void => {
      body.get(at)
      body.get(stored)
      body.store(value.type === 'f32' ? 'f32.store' : 'i32.store', offset)
    }
    return mask === null ? store() : whereAny(body, mask, store)
  }
  const values = emitStored(region, value)
  if (!isInterleaved && shape.kind === 'affine' && shape.stride === 1) {
    const at = place(2)
    const all = (): void => {
      body.get(at)
      body.get(values)
      body.store('v128.store', offset)
    }
    const some = (): void => eachHere(region, (lane) => one(() => addConstant(body, at, WORD * lane), lane, values))
    if (mask === null) return all()
    body.get(mask)
    body.op('i32x4.all_true')
    return body.when(all, some)
  }
  const addresses = body.local('v128')
  emitLanes(region, index)
  if (isInterleaved) interleave(body)
  toAddresses(body, address)
  body.set(addresses)
  eachHere(region, (lane) =>
    one(
      () => {
        body.get(addresses)
        body.lane('i32x4.extract_lane', lane)
      },
      lane,
      values,
    ),
  )
}

/** Runs for each thread that is here, in order. */
function eachHere({ body, mask }: Region, run: (lane: number) => void): void {
  for (let lane = 0; lane < GANG; lane++) {
    if (mask === null) {
      run(lane)
      continue
    }
    body.get(mask)
    body.lane('i32x4.extract_lane', lane)
    body.when(() => run(lane))
  }
}
