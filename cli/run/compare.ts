/** How far numbers are from the ones they should be. */
import type { HostArray, HostData } from '../../runtime/tensors.ts'

export interface Difference {
  readonly name: string
  /** ||a - b|| / ||b||; infinite where one of them is not finite, or b is zero and a is not. */
  readonly relativeL2: number
  readonly largest: number
  /** Rows along the last axis whose largest element stands at the same place; null for fewer than two axes. */
  readonly argmax: { readonly equal: number; readonly rows: number } | null
}

function argmaxOf(data: HostArray, start: number, size: number): number {
  let best = 0
  for (let at = 1; at < size; at++) if (data[start + at] > data[start + best]) best = at
  return best
}

function compareRows(a: HostArray, b: HostArray, size: number): Difference['argmax'] {
  const rows = size === 0 ? 0 : a.length / size
  let equal = 0
  for (let row = 0; row < rows; row++) if (argmaxOf(a, row * size, size) === argmaxOf(b, row * size, size)) equal++
  return { equal, rows }
}

/** Compares two tensors of one shape, element by element. */
export function compareTensors(name: string, { shape, data: a }: HostData, { data: b }: HostData): Difference {
  let [error, norm, largest] = [0, 0, 0]
  for (let at = 0; at < a.length; at++) {
    const difference = Math.abs(a[at] - b[at])
    error += difference ** 2
    norm += b[at] ** 2
    if (!(difference <= largest)) largest = difference
  }
  const ratio = error === 0 ? 0 : Math.sqrt(error / norm)
  return {
    name,
    relativeL2: Number.isNaN(ratio) ? Infinity : ratio,
    largest,
    argmax: shape.length < 2 ? null : compareRows(a, b, shape[shape.length - 1]),
  }
}
