/**
 * AIMER: (sum of |w| / N) / sqrt(sum of w^2 / N) over all N entries of an expert's matrices, arXiv:2603.18492. It needs no
 * tokens: the experts with the highest are removed.
 */
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import type { NumberArray } from '../../runtime/checkpoint/dtypes.ts'
import { readElements } from '../../runtime/weights/convert.ts'
import { expertView } from '../export/gather.ts'
import { matchWeights, type Match } from '../../runtime/weights/match.ts'
import type { View } from '../../runtime/weights/view.ts'
import { WeightError } from '../../runtime/errors.ts'
import { paired, spanOf, stretches, type Pair } from '../export/strides.ts'
import type { ExpertLayer } from './layers.ts'

/** Numbers that are read at a time. */
const STRETCH = 2 * 2 ** 20

interface Sums {
  count: number
  absolute: number
  squares: number
}

/** Adds the numbers of a stretch, of which `elements` has those from `first` of the tensor on. */
function addStretch(sums: Sums, elements: NumberArray, first: number, { axes, from }: Pair): void {
  const walk = (depth: number, start: number): void => {
    const { size, from: step } = axes[depth] ?? { size: 1, from: 1 }
    if (depth < axes.length - 1) {
      for (let at = 0; at < size; at++) walk(depth + 1, start + at * step)
      return
    }
    let [absolute, squares] = [0, 0]
    for (let at = 0, place = start; at < size; at++, place += step) {
      const value = Number(elements[place])
      absolute += Math.abs(value)
      squares += value * value
    }
    sums.count += size
    sums.absolute += absolute
    sums.squares += squares
  }
  walk(0, from - first)
}

async function addView(sums: Sums, view: View, { tensor }: Match, checkpoint: Checkpoint): Promise<void> {
  for (const stretch of stretches(paired(view, view), STRETCH)) {
    const elements = await readElements(checkpoint, tensor, stretch.from, stretch.from + spanOf(stretch))
    addStretch(sums, elements, stretch.from, stretch)
  }
}

/** [E] for each layer. Streams: two million numbers are in memory. Throws a WeightError for weights that are not there. */
export async function aimerScores(layers: readonly ExpertLayer[], checkpoint: Checkpoint): Promise<readonly Float64Array[]> {
  const { matches, problems } = matchWeights({ weights: layers.flatMap(({ own }) => own) }, checkpoint)
  if (problems.length > 0) throw new WeightError(checkpoint.name, problems)
  const scores: Float64Array[] = []
  for (const { own, experts } of layers) {
    const matrices = own.filter(({ shape }) => shape.length === 3)
    const found = matrices.map(({ name }) => matches.filter(({ port }) => port.name === name))
    const made = new Float64Array(experts)
    for (let expert = 0; expert < experts; expert++) {
      const sums: Sums = { count: 0, absolute: 0, squares: 0 }
      for (const list of found) {
        const { match, view } = expertView(list, expert)
        await addView(sums, view, match, checkpoint)
      }
      made[expert] = sums.absolute / sums.count / Math.sqrt(sums.squares / sums.count)
    }
    scores.push(made)
  }
  return scores
}
