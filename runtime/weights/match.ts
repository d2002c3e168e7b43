import { evaluate } from '../../plan/dim.ts'
import type { Plan, WeightPiece, WeightPort } from '../../plan/plan.ts'
import type { Checkpoint, TensorInfo } from '../checkpoint/checkpoint.ts'
import type { WeightProblem } from '../errors.ts'
import { nearNames } from '../near.ts'
import { elementCount, showShape } from '../tensors.ts'
import { convertible } from './convert.ts'
import { viewOf, type View } from './view.ts'

/** A piece of a weight that the checkpoint has as it is wanted. */
export interface Match {
  readonly port: WeightPort
  readonly tensor: TensorInfo
  readonly view: View
  /** Element of the weight at which the piece begins. */
  readonly start: number
}

const describeNear = (near: readonly string[]): string => (near.length === 0 ? '' : `; did you mean ${near.join(' or ')}?`)

function describeSlices({ slices, transpose }: WeightPiece): string {
  const words = [slices.some(({ kind }) => kind !== 'all') ? 'slicing' : '', transpose ? 'transposing' : ''].filter((word) => word !== '')
  return words.length === 0 ? '' : ` after ${words.join(' and ')}`
}

type Problem = Pick<WeightProblem, 'code' | 'message'> & { readonly near?: readonly string[] }

function matchPiece(port: WeightPort, piece: WeightPiece, shape: readonly number[], checkpoint: Checkpoint): View | Problem {
  const wanted = `${port.name} wants ${port.dtype}${showShape(shape)} from ${piece.tensor}`
  const tensor = checkpoint.tensors.get(piece.tensor)
  if (tensor === undefined) {
    const near = nearNames(piece.tensor, checkpoint.tensors.keys())
    return { code: 'missing', near, message: `${wanted}, which is not there${describeNear(near)}` }
  }
  const has = `the file has ${tensor.dtype}${showShape(tensor.shape)}`
  if (!convertible(tensor.dtype, port.dtype)) return { code: 'dtype', message: `${wanted}; ${has}, which is not read as ${port.dtype}` }
  const view = viewOf(tensor.shape, piece)
  if (typeof view === 'string') return { code: 'shape', message: `${wanted}; ${has}, of which the spec takes ${view}` }
  const fits = view.shape.length === shape.length && view.shape.every((size, axis) => size === shape[axis])
  if (fits) return view
  return { code: 'shape', message: `${wanted}; ${has}${describeSlices(piece) && `, ${showShape(view.shape)}${describeSlices(piece)}`}` }
}

/** Tensors that no weight takes. */
function extraTensors(plan: Plan, checkpoint: Checkpoint): readonly string[] {
  const used = new Set(plan.weights.flatMap(({ pieces }) => pieces.map(({ tensor }) => tensor)))
  return [...checkpoint.tensors.keys()].filter((name) => !used.has(name))
}

/** Finds every piece of every weight; what does not fit is told all at once. */
export function matchWeights(plan: Plan, checkpoint: Checkpoint): {
  readonly matches: readonly Match[]
  readonly problems: readonly WeightProblem[]
  readonly extra: readonly string[]
} {
  const matches: Match[] = []
  const problems: WeightProblem[] = []
  for (const port of plan.weights) {
    const whole = port.shape.map((size) => evaluate(size, {}))
    const shape = port.stacked ? whole.slice(1) : whole
    for (const [at, piece] of port.pieces.entries()) {
      const found = matchPiece(port, piece, shape, checkpoint)
      if ('code' in found) problems.push({ weight: port.name, tensor: piece.tensor, near: [], ...found })
      else matches.push({ port, tensor: checkpoint.tensors.get(piece.tensor)!, view: found, start: at * elementCount(shape) })
    }
  }
  return { matches, problems, extra: extraTensors(plan, checkpoint) }
}
