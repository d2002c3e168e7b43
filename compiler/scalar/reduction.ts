/** The identity of each reduction, and its value over no elements. */
import type { ReduceOpcode, ScalarType } from './expression.ts'

const RANGE: { readonly [T in ScalarType]: readonly [number, number] } = {
  f32: [-3.4028234663852886e38, 3.4028234663852886e38],
  i32: [-0x80000000, 0x7fffffff],
  u32: [0, 0xffffffff],
  bool: [0, 1],
}

/** The reduction of no elements: zero, or the least or greatest finite number of the type. */
export function emptyReduction(word: ReduceOpcode, type: ScalarType): number {
  if (word === 'sum') return 0
  return RANGE[type][word === 'max' ? 0 : 1]
}

/** The identity element; an infinity for f32, so that a reduction of infinities is exact. */
export function reductionIdentity(word: ReduceOpcode, type: ScalarType): number {
  if (word === 'sum' || type !== 'f32') return emptyReduction(word, type)
  return word === 'max' ? -Infinity : Infinity
}
