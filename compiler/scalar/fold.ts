/** What a fold of nothing gives: zero, or the least and the greatest number that the type holds. */
import type { ReduceWord, ScalarType } from './expression.ts'

const RANGE: { readonly [T in ScalarType]: readonly [number, number] } = {
  f32: [-3.4028234663852886e38, 3.4028234663852886e38],
  i32: [-0x80000000, 0x7fffffff],
  u32: [0, 0xffffffff],
  bool: [0, 1],
}

export function foldStart(word: ReduceWord, type: ScalarType): number {
  if (word === 'sum') return 0
  return RANGE[type][word === 'max' ? 0 : 1]
}
