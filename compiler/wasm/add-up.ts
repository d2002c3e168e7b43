/** Horizontal sums of vectors. */
import type { FunctionBody } from './function.ts'

const words = (places: readonly number[]): readonly number[] =>
  places.flatMap((place) => [0, 1, 2, 3].map((byte) => 4 * place + byte))

/** The sums of the words of four vectors, as one vector in a new local. */
export function addUp(body: FunctionBody, vectors: readonly number[]): number {
  const [a, b, c, d] = vectors
  const sumOf = (x: number, y: number, left: readonly number[], right: readonly number[]): number => {
    const out = body.local('v128')
    for (const places of [left, right]) {
      body.get(x)
      body.get(y)
      body.shuffle(words(places))
    }
    body.op('f32x4.add')
    body.set(out)
    return out
  }
  // (x0 + x2, x1 + x3, y0 + y2, y1 + y3)
  const fold = (x: number, y: number): number => sumOf(x, y, [0, 1, 4, 5], [2, 3, 6, 7])
  return sumOf(fold(a, b), fold(c, d), [0, 2, 4, 6], [1, 3, 5, 7])
}
