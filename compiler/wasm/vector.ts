/**
 * Straight-line programs over vectors of 128 bits: values are nodes of a DAG, a node that is used more than once is computed
 * once. The functions of `math/` are such programs.
 */
import type { FunctionBody } from './function.ts'
import type { MemoryOpcode, PlainOpcode } from './opcodes.ts'

type ShiftOpcode = Extract<PlainOpcode, `${string}.sh${string}`>

export type Vector =
  | { readonly kind: 'parameter'; readonly index: number }
  /** Four words of 32 bits. */
  | { readonly kind: 'constant'; readonly words: readonly number[] }
  /** An i32 local in each of the four places. */
  | { readonly kind: 'splat'; readonly local: number }
  /** Bytes behind an address that a local holds. */
  | { readonly kind: 'memory'; readonly op: MemoryOpcode; readonly address: number; readonly offset: number }
  /** A load from each of four addresses. */
  | { readonly kind: 'gather'; readonly op: 'i32.load8_u' | 'i32.load16_u'; readonly operands: readonly [addresses: Vector] }
  | { readonly kind: 'op'; readonly op: PlainOpcode; readonly operands: readonly Vector[] }
  | { readonly kind: 'shift'; readonly op: ShiftOpcode; readonly operands: readonly Vector[]; readonly bits: number }
  /** The 16 bytes of the result, by their places in the two operands. */
  | { readonly kind: 'shuffle'; readonly operands: readonly Vector[]; readonly bytes: readonly number[] }

export const parameter = (index: number): Vector => ({ kind: 'parameter', index })
export const op = (name: PlainOpcode, ...operands: readonly Vector[]): Vector => ({ kind: 'op', op: name, operands })
export const shift = (name: ShiftOpcode, value: Vector, bits: number): Vector => ({
  kind: 'shift',
  op: name,
  operands: [value],
  bits,
})

const words = new DataView(new ArrayBuffer(8))

/** One i32 in each of the four places. */
export const i32 = (value: number): Vector => ({ kind: 'constant', words: [value, value, value, value].map((word) => word | 0) })

/** One f32 in each of the four places. */
export function f32(value: number): Vector {
  words.setFloat32(0, value, true)
  return i32(words.getInt32(0, true))
}

/** One f64 in each of the two places. */
export function f64(value: number): Vector {
  words.setFloat64(0, value, true)
  const pair = [words.getInt32(0, true), words.getInt32(4, true)]
  return { kind: 'constant', words: [...pair, ...pair] }
}

/** The words of 32 bits at these places: 0 to 3 are the first operand's, 4 to 7 the second's. */
export const shuffleWords = (left: Vector, right: Vector, places: readonly number[]): Vector => ({
  kind: 'shuffle',
  operands: [left, right],
  bytes: places.flatMap((place) => [0, 1, 2, 3].map((byte) => 4 * place + byte)),
})

/** `yes` where the mask has ones, `no` elsewhere. */
export const choose = (mask: Vector, yes: Vector, no: Vector): Vector => op('v128.bitselect', yes, no, mask)

/** c0 + x (c1 + x (c2 + ...)), by Horner's rule. */
export function horner(type: 'f32x4' | 'f64x2', x: Vector, coefficients: readonly number[]): Vector {
  const constant = type === 'f32x4' ? f32 : f64
  const [last, ...others] = coefficients.toReversed().map(constant)
  return others.reduce((sum, c) => op(`${type}.add`, op(`${type}.mul`, sum, x), c), last)
}

const operandsOf = (v: Vector): readonly Vector[] => ('operands' in v ? v.operands : [])

/** Leaves the value on the stack. */
export function emitVector(body: FunctionBody, result: Vector): void {
  const uses = new Map<Vector, number>()
  const count = (v: Vector): void => {
    uses.set(v, (uses.get(v) ?? 0) + 1)
    if (uses.get(v) === 1) operandsOf(v).forEach(count)
  }
  count(result)
  const locals = new Map<Vector, number>()
  const emit = (v: Vector): void => {
    const known = locals.get(v)
    if (known !== undefined) return body.get(known)
    if (v.kind === 'parameter') return body.get(v.index)
    if (v.kind === 'constant') return body.v128(v.words)
    if (v.kind === 'splat') {
      body.get(v.local)
      return body.op('i32x4.splat')
    }
    if (v.kind === 'memory') {
      body.get(v.address)
      body.load(v.op, v.offset)
    } else v.operands.forEach(emit)
    if (v.kind === 'gather') emitGather(body, v.op)
    else if (v.kind === 'shuffle') body.shuffle(v.bytes)
    else {
      if (v.kind === 'shift') body.i32(v.bits)
      if (v.kind !== 'memory') body.op(v.op)
    }
    if (uses.get(v)! < 2) return
    const local = body.local('v128')
    body.tee(local)
    locals.set(v, local)
  }
  emit(result)
}

/** Four addresses on the stack -> what each loads. */
function emitGather(body: FunctionBody, op: 'i32.load8_u' | 'i32.load16_u'): void {
  const addresses = body.local('v128')
  body.set(addresses)
  body.v128([0, 0, 0, 0])
  for (let lane = 0; lane < 4; lane++) {
    body.get(addresses)
    body.lane('i32x4.extract_lane', lane)
    body.load(op)
    body.lane('i32x4.replace_lane', lane)
  }
}
