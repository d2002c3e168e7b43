/**
 * Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011): of a key of two words and a counter of
 * two words (its other two are 0), the word at a place from 0 to 3.
 */
import { choose, i32, op, shuffleWords, type Vector } from '../vector.ts'

const ROUNDS = 10
const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57]
const WEYL = [0x9e3779b9, 0xbb67ae85]

/** The upper words of the products of unsigned words. */
const highProduct = (a: Vector, b: Vector): Vector =>
  shuffleWords(op('i64x2.extmul_low_i32x4_u', a, b), op('i64x2.extmul_high_i32x4_u', a, b), [1, 3, 5, 7])

export function philox(key0: Vector, key1: Vector, counter0: Vector, counter1: Vector, place: Vector): Vector {
  const [first, second] = MULTIPLIERS.map(i32)
  let [x, y, z, w]: readonly Vector[] = [counter0, counter1, i32(0), i32(0)]
  for (let round = 0; round < ROUNDS; round++) {
    const [k0, k1] = [key0, key1].map((key, at) => op('i32x4.add', key, i32(Math.imul(WEYL[at], round))))
    const next = [
      op('v128.xor', op('v128.xor', highProduct(second, z), y), k0),
      op('i32x4.mul', second, z),
      op('v128.xor', op('v128.xor', highProduct(first, x), w), k1),
      op('i32x4.mul', first, x),
    ]
    ;[x, y, z, w] = next
  }
  const at = (index: number): Vector => op('i32x4.eq', place, i32(index))
  return choose(at(0), x, choose(at(1), y, choose(at(2), z, w)))
}
