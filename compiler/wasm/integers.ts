/** Arithmetic on i32 locals, and addresses of elements of four bytes. */
import type { FunctionBody } from './function.ts'

export const WORD = 4

/** A new local that holds what `emit` leaves on the stack. */
export function keep(body: FunctionBody, emit: () => void): number {
  const local = body.local('i32')
  emit()
  body.set(local)
  return local
}

export function addConstant(body: FunctionBody, local: number, value: number): void {
  body.get(local)
  if (value === 0) return
  body.i32(value)
  body.op('i32.add')
}

export function scale(body: FunctionBody, local: number, by: number): void {
  body.get(local)
  body.i32(by)
  body.op('i32.mul')
}

export function combine(
  body: FunctionBody,
  a: number,
  op: 'i32.add' | 'i32.sub' | 'i32.mul' | 'i32.div_u' | 'i32.rem_u' | 'i32.lt_u' | 'i32.eq' | 'i32.ne',
  b: number,
): void {
  body.get(a)
  body.get(b)
  body.op(op)
}

/** The smaller of two unsigned numbers. */
export function minimum(body: FunctionBody, a: () => void, b: number): void {
  const local = body.local('i32')
  a()
  body.tee(local)
  body.get(b)
  body.get(local)
  body.get(b)
  body.op('i32.lt_u')
  body.op('select')
}

/** An index of elements on the stack -> the address of its element. `log2` of the bytes of an element. */
export function toAddress(body: FunctionBody, base: number, log2 = 2): void {
  body.i32(log2)
  body.op('i32.shl')
  body.get(base)
  body.op('i32.add')
}

/** Four indices of elements on the stack -> the addresses of their elements. */
export function toAddresses(body: FunctionBody, base: number): void {
  body.i32(2)
  body.op('i32x4.shl')
  body.get(base)
  body.op('i32x4.splat')
  body.op('i32x4.add')
}

/** The word at a place behind an address. */
export function word(body: FunctionBody, address: number, place: number): void {
  body.get(address)
  body.load('i32.load', WORD * place)
}
