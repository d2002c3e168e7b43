/** Each number of a tensor is read once: slices that leave some of it aside, or read some of it twice, are a problem. */
import type { WeightProblem } from '../../runtime/errors.ts'
import { cut } from '../../runtime/checkpoint/quote.ts'
import { elementCount } from '../../runtime/tensors.ts'
import type { Match } from '../../runtime/weights/match.ts'

export function coverageProblems(matches: readonly Match[]): readonly WeightProblem[] {
  const read = new Map<string, { readonly count: number; readonly weight: string; readonly size: number }>()
  for (const { tensor, view, port } of matches) {
    const count = (read.get(tensor.name)?.count ?? 0) + elementCount(view.shape)
    read.set(tensor.name, { count, weight: port.name, size: elementCount(tensor.shape) })
  }
  return [...read].flatMap(([tensor, { count, weight, size }]): readonly WeightProblem[] => {
    if (count === size) return []
    const what = count < size ? `only ${count} of its ${size} numbers are read` : `${count} numbers are read of its ${size}`
    return [{ code: 'shape', weight, tensor, near: [], message: `${cut(weight)} reads ${cut(tensor)}: ${what}` }]
  })
}
