/** Matches the weights of a plan with the tensors of a checkpoint. */
import { evaluate } from '../../plan/dim.ts'
import type { Plan, WeightPiece, WeightPort } from '../../plan/plan.ts'
import { weightsByPath } from '../../plan/weight-path.ts'
import type { Checkpoint, TensorInfo } from '../checkpoint/checkpoint.ts'
import type { WeightProblem } from '../errors.ts'
import { cut, listed } from '../checkpoint/quote.ts'
import { nearNames } from '../near.ts'
import { elementCount, showShape } from '../tensors.ts'
import { formatOf } from '../../plan/storage/formats.ts'
import { dtypeRecord, type ElementType } from '../checkpoint/dtypes.ts'
import { convertible } from './convert.ts'
import { isHarmless } from './harmless.ts'
import { viewOf, type View } from './view.ts'

/** A piece of a weight, and the tensor that it is read from. */
export interface Match {
  readonly piece: WeightPiece
  readonly port: WeightPort
  readonly tensor: TensorInfo
  readonly view: View
  /** First element of the piece in the weight. */
  readonly start: number
}

/** Whether the bytes of the file are those of the weight. */
export const isKept = ({ port: { storage }, tensor }: Pick<Match, 'port' | 'tensor'>): boolean =>
  storage !== undefined && dtypeRecord(tensor.dtype).format === storage.format

/**
 * The view of the blocks that a weight keeps: that of the tensor, where each element is a block; a phrase for what is impossible
 * where a row is cut.
 */
export function blockView({ view, port, tensor }: Match, piece: WeightPiece): View | string {
  const { elements } = formatOf(port.storage!.format)
  if (elements === 1) return view
  const [row, ...outer] = tensor.shape.toReversed()
  const last = piece.slices[tensor.shape.length - 1]
  if (piece.transpose || (last !== undefined && last.kind !== 'all')) return `part of a row of blocks of ${elements}`
  return viewOf([...outer.toReversed(), Math.ceil(row / elements)], piece)
}

const describeNear = (near: readonly string[]): string =>
  near.length === 0 ? '' : `; did you mean ${near.map((name) => cut(name)).join(' or ')}?`

function describeSlices({ slices, transpose }: WeightPiece): string {
  const words = [slices.some(({ kind }) => kind !== 'all') ? 'slicing' : '', transpose ? 'transposing' : ''].filter(
    (word) => word !== '',
  )
  return words.length === 0 ? '' : ` after ${words.join(' and ')}`
}

/** A shape of a file for a message, at most 8 axes. */
const sizesText = (shape: readonly number[]): string =>
  shape.length > 8 ? `[${listed(shape.map(String), 8)}]` : showShape(shape)

type Problem = Pick<WeightProblem, 'code' | 'message'> & { readonly near?: readonly string[] }

/** The number of missing tensors that get suggestions, as many as a message lists: each search scans all names. */
const MAX_SEARCHED = 20

interface Search {
  left: number
}

const withoutUnits = (shape: readonly number[]): readonly number[] => shape.filter((size) => size !== 1)

function isSameShape(found: readonly number[], wanted: readonly number[], { hasUnitAxes }: Checkpoint): boolean {
  const [a, b] = hasUnitAxes === false ? [withoutUnits(found), withoutUnits(wanted)] : [found, wanted]
  return a.length === b.length && a.every((size, axis) => size === b[axis])
}

function matchPiece(
  port: WeightPort,
  piece: WeightPiece,
  shape: readonly number[],
  checkpoint: Checkpoint,
  search: Search,
): View | Problem {
  const expected = `${cut(port.name)} expects ${port.dtype}${showShape(shape)} from ${cut(piece.tensor)}`
  const tensor = checkpoint.tensors.get(piece.tensor)
  if (tensor === undefined) {
    const near = search.left-- > 0 ? nearNames(piece.tensor, checkpoint.tensors.keys()) : []
    return { code: 'missing', near, message: `${expected}, which the file does not have${describeNear(near)}` }
  }
  const has = `the file has ${tensor.dtype}${sizesText(tensor.shape)}`
  if (!convertible(tensor.dtype, port)) {
    const to = port.storage === undefined ? port.dtype : port.storage.format
    return { code: 'dtype', message: `${expected}; ${has}, which cannot be converted to ${to}${without(tensor.dtype)}` }
  }
  const view = viewOf(tensor.shape, piece)
  if (typeof view === 'string') return { code: 'shape', message: `${expected}; ${has}, and the spec asks for ${view}` }
  if (isSameShape(view.shape, shape, checkpoint)) return view
  return {
    code: 'shape',
    message: `${expected}; ${has}${describeSlices(piece) && `, ${showShape(view.shape)}${describeSlices(piece)}`}`,
  }
}

/** Codes are numbers only with the scales that they are for. */
const without = (dtype: ElementType): string => (dtype === 'F8_E4M3' ? ': no scales are beside these codes' : '')

/** Tensors that no weight uses and that may not be ignored. */
function extraTensors(plan: Pick<Plan, 'weights'>, checkpoint: Checkpoint): readonly string[] {
  const used = new Set(plan.weights.flatMap(({ pieces }) => pieces.map(({ tensor }) => tensor)))
  return [...checkpoint.tensors.keys()].filter((name) => !used.has(name) && !isHarmless(name))
}

/** Finds the tensor of every piece of every weight, and reports all problems at once. */
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
  const search: Search = { left: MAX_SEARCHED }
  for (const port of plan.weights) {
    const whole = port.shape.map((size) => evaluate(size, {}))
    const shape = port.stacked ? whole.slice(1) : whole
    for (const [at, piece] of port.pieces.entries()) {
      const found = matchPiece(port, piece, shape, checkpoint, search)
      if ('code' in found) problems.push({ weight: port.name, tensor: piece.tensor, near: [], ...found })
      else
        matches.push({ piece, port, tensor: checkpoint.tensors.get(piece.tensor)!, view: found, start: at * elementCount(shape) })
    }
  }
  return { matches, problems, extra: extraTensors(plan, checkpoint) }
}
