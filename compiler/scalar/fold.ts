/** What a fold begins with, and what a fold of nothing gives. */
import type { ReduceWord, ScalarType } from './expression.ts'

const RANGE: { readonly [T in ScalarType]: readonly [number, number] } = {
  f32: [-3.4028234663852886e38, 3.4028234663852886e38],
  i32: [-0x80000000, 0x7fffffff],
  u32: [0, 0xffffffff],
  bool: [0, 1],
}

/** Zero, or the least and the greatest finite number that the type holds. */
export function emptyFold(word: ReduceWord, type: ScalarType): number {
  if (word === 'sum') return 0
  return RANGE[type][word === 'max' ? 0 : 1]
}

/** What changes no value that is joined to it: for reals an infinity, which may be all that is folded. */
export function foldStart(word: ReduceWord, type: ScalarType): number {
  if (word === 'sum' || type !== 'f32') return emptyFold(word, type)
  return word === 'max' ? -Infinity : Infinity
}
