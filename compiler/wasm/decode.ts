/**
 * Vectors of four elements of a weight that lies in a format: neighbours in one block, or wherever four indices say. Up to 16
 * bytes behind a block are read and not used.
 */
import type { Decoder } from '../../plan/storage/decoder.ts'
import { formatOf, type FormatName, type WeightStorage } from '../../plan/storage/formats.ts'
import type { FunctionBody } from './function.ts'
import { choose, emitVector, f32, i32, op, parameter, shift, type Vector } from './vector.ts'

type Constant = Vector & { readonly kind: 'constant' }

const LANES = [0, 1, 2, 3]
const isConstant = (v: Vector): v is Constant => v.kind === 'constant'
const constant = (words: readonly number[]): Constant => ({ kind: 'constant', words: words.map((word) => word | 0) })

/** Reads `bytes` bytes at the offset `at` from the start of each element's block. */
type Read = (at: Vector, bytes: 1 | 2) => Vector

/** Blocks of four elements begin so many bytes apart, the first so many behind an address in a local; offsets are constants. */
function readNear(address: number, apart: number, start: number): Read {
  const known = new Map<number, Vector>()
  const whole = (offset: number): Vector => {
    const loaded = known.get(offset) ?? { kind: 'memory', op: 'v128.load', address, offset }
    known.set(offset, loaded)
    return loaded
  }
  return (at, bytes) => {
    if (!isConstant(at)) throw new Error('offsets of neighbours are known')
    const offsets = LANES.map((lane) => start + at.words[lane] + apart * lane)
    const first = Math.min(...offsets)
    if (bytes === 2 && offsets.every((offset, lane) => offset === first + 2 * lane))
      return { kind: 'memory', op: 'v128.load16x4_u', address, offset: first }
    if (Math.max(...offsets) + bytes > first + 16) throw new Error('four neighbours are further apart than a vector')
    // from byte 16 on the second operand, which is 0
    const place = (offset: number, byte: number): number => (byte < bytes ? offset - first + byte : 16)
    const places = offsets.flatMap((offset) => LANES.map((byte) => place(offset, byte)))
    return { kind: 'shuffle', operands: [whole(first), i32(0)], bytes: places }
  }
}

const readFar =
  (addresses: Vector): Read =>
  (at, bytes) => ({
    kind: 'gather',
    op: bytes === 1 ? 'i32.load8_u' : 'i32.load16_u',
    operands: [op('i32x4.add', addresses, at)],
  })

function createDecoder(read: Read): Decoder<Vector, Vector> {
  const known = new Map<string, Vector>()
  /** Equal reads are one value. */
  const once = (at: Vector, bytes: 1 | 2): Vector => {
    if (!isConstant(at)) return read(at, bytes)
    const key = `${bytes} ${at.words.join()}`
    const value = known.get(key) ?? read(at, bytes)
    known.set(key, value)
    return value
  }
  const both =
    (compute: (a: number, b: number) => number, name: 'i32x4.add' | 'v128.and' | 'v128.or') =>
    (a: Vector, b: Vector): Vector =>
      isConstant(a) && isConstant(b) ? constant(LANES.map((lane) => compute(a.words[lane], b.words[lane]))) : op(name, a, b)
  const and = both((a, b) => a & b, 'v128.and')
  const select = (condition: Vector, then: Vector, otherwise: Vector): Vector => {
    if (!isConstant(condition)) return choose(op('i32x4.ne', condition, i32(0)), then, otherwise)
    if (condition.words.every((word) => word !== 0)) return then
    if (condition.words.every((word) => word === 0)) return otherwise
    const mask = constant(condition.words.map((word) => (word === 0 ? 0 : -1)))
    if (isConstant(then) && isConstant(otherwise))
      return constant(LANES.map((lane) => (mask.words[lane] === 0 ? otherwise : then).words[lane]))
    return choose(mask, then, otherwise)
  }
  return {
    integer: i32,
    float: f32,
    byte: (at) => once(at, 1),
    half: (at) => once(at, 2),
    add: both((a, b) => a + b, 'i32x4.add'),
    and: (a, mask) => and(a, i32(mask)),
    or: both((a, b) => a | b, 'v128.or'),
    shiftLeft: (a, bits) => (isConstant(a) ? constant(a.words.map((word) => word << bits)) : shift('i32x4.shl', a, bits)),
    shiftRight: (a, bits) => (isConstant(a) ? constant(a.words.map((word) => word >>> bits)) : shift('i32x4.shr_u', a, bits)),
    equal: (a, value) =>
      isConstant(a) ? constant(a.words.map((word) => Number(word === value))) : op('i32x4.eq', a, i32(value)),
    choose: select,
    chooseFloat: select,
    convert: (a) => op('f32x4.convert_i32x4_s', a),
    bits: (a) => a,
    plus: (a, b) => op('f32x4.add', a, b),
    times: (a, b) => op('f32x4.mul', a, b),
  }
}

/**
 * Leaves four neighbours: those from a place of a block on, whose address a local holds; where each element is a block, those
 * from the place on behind the address.
 */
export function decodeNear(body: FunctionBody, format: FormatName, address: number, place: number): void {
  const { elements, bytes, decode } = formatOf(format)
  if (elements === 1) return emitVector(body, decode(createDecoder(readNear(address, bytes, place * bytes)), i32(0)))
  emitVector(body, decode(createDecoder(readNear(address, 0, 0)), constant(LANES.map((lane) => place + lane))))
}

/** Four indices of elements on the stack -> the elements. The local `address` has the address of element 0. */
export function decodeAt(body: FunctionBody, { format, row }: WeightStorage, address: number): void {
  const { elements, bytes, decode } = formatOf(format)
  const index = body.local('v128')
  const [first, inside] = row === undefined ? [null, index] : splitRows(body, row, Math.ceil(row / elements) * bytes)
  if (row === undefined) body.set(index)
  const at = parameter(inside)
  const isPowerOfTwo = (elements & (elements - 1)) === 0
  if (!isPowerOfTwo) throw new Error(`blocks of ${format} have ${elements} elements, no power of two`)
  const block = shift('i32x4.shr_u', at, Math.log2(elements))
  const start = op('i32x4.add', { kind: 'splat', local: address }, op('i32x4.mul', block, i32(bytes)))
  const addresses = first === null ? start : op('i32x4.add', start, parameter(first))
  emitVector(body, decode(createDecoder(readFar(addresses)), op('v128.and', at, i32(elements - 1))))
}

/** Four indices on the stack -> locals: bytes before the row of each, and its place in the row. */
function splitRows(body: FunctionBody, row: number, rowBytes: number): readonly [number, number] {
  const [index, first, inside] = [body.local('v128'), body.local('v128'), body.local('v128')]
  body.set(index)
  for (const [local, operation, factor] of [
    [first, 'i32.div_u', rowBytes],
    [inside, 'i32.rem_u', 1],
  ] as const) {
    body.v128([0, 0, 0, 0])
    for (const lane of LANES) {
      body.get(index)
      body.lane('i32x4.extract_lane', lane)
      body.i32(row)
      body.op(operation)
      body.i32(factor)
      body.op('i32.mul')
      body.lane('i32x4.replace_lane', lane)
    }
    body.set(local)
  }
  return [first, inside]
}
