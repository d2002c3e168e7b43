/**
 * The exact remainder of f32x4 with the sign of the divisor, by long division in base 2: each part is |b| times the largest
 * power of two that the rest holds, which is at least half of it, so every difference is exact. NaN where b is 0 (or denormal),
 * or a is not finite.
 */
import type { FunctionBody } from '../function.ts'
import { choose, emitVector, f32, i32, op, parameter, shift, type Vector } from '../vector.ts'

const EXPONENT = i32(0x7f800000)
const SIGN = i32(-0x80000000)

export function emitRemainder(body: FunctionBody): void {
  const [a, b] = [parameter(0), parameter(1)]
  const [rest, size] = [body.local('v128'), body.local('v128')]
  const [restOf, sizeOf] = [parameter(rest), parameter(size)]
  const isFinite = op('f32x4.lt', op('f32x4.abs', a), f32(Infinity))
  const isDivisor = op('v128.and', op('f32x4.ge', op('f32x4.abs', b), f32(2 ** -126)), op('f32x4.eq', b, b))
  const isDefined = op('v128.and', isFinite, isDivisor)
  emitVector(body, choose(isDefined, op('f32x4.abs', b), f32(Infinity)))
  body.set(size)
  emitVector(body, op('f32x4.abs', a))
  body.set(rest)
  body.block(() => {
    body.loop(() => {
      const goesOn = op('f32x4.ge', restOf, sizeOf)
      emitVector(body, op('v128.and', goesOn, isDefined))
      body.op('v128.any_true')
      body.op('i32.eqz')
      body.branchIf(1)
      const scaled = op('i32x4.sub', op('i32x4.add', sizeOf, op('v128.and', restOf, EXPONENT)), op('v128.and', sizeOf, EXPONENT))
      const part = choose(op('f32x4.gt', scaled, restOf), op('i32x4.sub', scaled, i32(0x00800000)), scaled)
      emitVector(body, choose(op('v128.and', goesOn, isDefined), op('f32x4.sub', restOf, part), restOf))
      body.set(rest)
      body.branch(0)
    })
  })
  const signed = op('v128.or', restOf, op('v128.and', a, SIGN))
  const isOther = op('v128.and', op('f32x4.gt', restOf, f32(0)), shift('i32x4.shr_s', op('v128.xor', a, b), 31))
  const result: Vector = choose(isOther, op('f32x4.add', signed, b), signed)
  emitVector(body, choose(isDefined, result, f32(NaN)))
}
