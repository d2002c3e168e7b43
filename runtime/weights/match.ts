import { evaluate } from '../../plan/dim.ts'
import type { Plan, WeightPiece, WeightPort } from '../../plan/plan.ts'
import { weightsByPath } from '../../plan/weight-path.ts'
import type { Checkpoint, TensorInfo } from '../checkpoint/checkpoint.ts'
import type { WeightProblem } from '../errors.ts'
import { cut, listed } from '../checkpoint/quote.ts'
import { nearNames } from '../near.ts'
import { elementCount, showShape } from '../tensors.ts'
import { convertible } from './convert.ts'
import { isHarmless } from './harmless.ts'
import { viewOf, type View } from './view.ts'

/** A piece of a weight that the checkpoint has as it is wanted. */
export interface Match {
  readonly port: WeightPort
  readonly tensor: TensorInfo
  readonly view: View
  /** Element of the weight at which the piece begins. */
  readonly start: number
}

const describeNear = (near: readonly string[]): string =>
  near.length === 0 ? '' : `; did you mean ${near.map((name) => cut(name)).join(' or ')}?`

function describeSlices({ slices, transpose }: WeightPiece): string {
  const words = [slices.some(({ kind }) => kind !== 'all') ? 'slicing' : '', transpose ? 'transposing' : ''].filter(
    (word) => word !== '',
  )
  return words.length === 0 ? '' : ` after ${words.join(' and ')}`
}

/** A shape in a file, shortened: it may have many axes. */
const sizesText = (shape: readonly number[]): string =>
  shape.length > 8 ? `[${listed(shape.map(String), 8)}]` : showShape(shape)

type Problem = Pick<WeightProblem, 'code' | 'message'> & { readonly near?: readonly string[] }

/** The number of missing tensors for which similar names are searched, as many as a message shows: each search scans all names. */
const MOST_SEARCHED = 20

interface Search {
  left: number
}

function matchPiece(
  port: WeightPort,
  piece: WeightPiece,
  shape: readonly number[],
  checkpoint: Checkpoint,
  search: Search,
): View | Problem {
  const wanted = `${cut(port.name)} wants ${port.dtype}${showShape(shape)} from ${cut(piece.tensor)}`
  const tensor = checkpoint.tensors.get(piece.tensor)
  if (tensor === undefined) {
    const near = search.left-- > 0 ? nearNames(piece.tensor, checkpoint.tensors.keys()) : []
    return { code: 'missing', near, message: `${wanted}, which is not there${describeNear(near)}` }
  }
  const has = `the file has ${tensor.dtype}${sizesText(tensor.shape)}`
  if (!convertible(tensor.dtype, port.dtype))
    return { code: 'dtype', message: `${wanted}; ${has}, which is not read as ${port.dtype}` }
  const view = viewOf(tensor.shape, piece)
  if (typeof view === 'string') return { code: 'shape', message: `${wanted}; ${has}, of which the spec takes ${view}` }
  const fits = view.shape.length === shape.length && view.shape.every((size, axis) => size === shape[axis])
  if (fits) return view
  return {
    code: 'shape',
    message: `${wanted}; ${has}${describeSlices(piece) && `, ${showShape(view.shape)}${describeSlices(piece)}`}`,
  }
}

/** Tensors that no weight uses, except those that are known to be harmless. */
function extraTensors(plan: Pick<Plan, 'weights'>, checkpoint: Checkpoint): readonly string[] {
  const used = new Set(plan.weights.flatMap(({ pieces }) => pieces.map(({ tensor }) => tensor)))
  return [...checkpoint.tensors.keys()].filter((name) => !used.has(name) && !isHarmless(name))
}

/** Finds every piece of every weight; what does not fit is told all at once. */
export function matchWeights(
  given: Pick<Plan, 'weights'>,
  checkpoint: Checkpoint,
): {
  readonly matches: readonly Match[]
  readonly problems: readonly WeightProblem[]
  readonly extra: readonly string[]
} {
  const plan = checkpoint.isByPath === true ? weightsByPath(given) : given
  const matches: Match[] = []
  const problems: WeightProblem[] = []
  const search: Search = { left: MOST_SEARCHED }
  for (const port of plan.weights) {
    const whole = port.shape.map((size) => evaluate(size, {}))
    const shape = port.stacked ? whole.slice(1) : whole
    for (const [at, piece] of port.pieces.entries()) {
      const found = matchPiece(port, piece, shape, checkpoint, search)
      if ('code' in found) problems.push({ weight: port.name, tensor: piece.tensor, near: [], ...found })
      else matches.push({ port, tensor: checkpoint.tensors.get(piece.tensor)!, view: found, start: at * elementCount(shape) })
    }
  }
  return { matches, problems, extra: extraTensors(plan, checkpoint) }
}
