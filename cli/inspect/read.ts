/** Pieces of the matrices of experts, as f32: what is in memory at a time. */
import type { WeightPort } from '../../plan/plan.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import type { NumberArray } from '../../runtime/checkpoint/dtypes.ts'
import { WeightError } from '../../runtime/errors.ts'
import { elementCount } from '../../runtime/tensors.ts'
import { readElements } from '../../runtime/weights/convert.ts'
import { matchWeights, type Match } from '../../runtime/weights/match.ts'
import { viewOf, type View } from '../../runtime/weights/view.ts'
import { expertView } from '../export/gather.ts'
import { entriesOf, paired, spanOf, stretches, type Pair } from '../export/strides.ts'

/** Numbers that are read at a time, and that a piece of all experts has. */
const STRETCH = 2 * 2 ** 20
const PIECE = 4 * 2 ** 20

/** A weight with a matrix for each expert, [E, rows, columns]. */
export interface ExpertMatrix {
  readonly name: string
  readonly experts: number
  readonly rows: number
  readonly columns: number
  readonly found: readonly Match[]
  readonly checkpoint: Checkpoint
}

/** The matrices of experts among weights. Throws a WeightError for weights that the checkpoint does not have. */
export function expertMatrices(ports: readonly WeightPort[], checkpoint: Checkpoint): readonly ExpertMatrix[] {
  const own = ports.filter(({ shape }) => shape.length === 3)
  const { matches, problems } = matchWeights({ weights: own }, checkpoint)
  if (problems.length > 0) throw new WeightError(checkpoint.name, problems)
  return own.map(({ name, shape }) => {
    const [experts, rows, columns] = shape.map(Number)
    return { name, experts, rows, columns, found: matches.filter(({ port }) => port.name === name), checkpoint }
  })
}

const contiguous = (shape: readonly number[]): View => viewOf(shape, { tensor: '', slices: [], transpose: false }) as View

function copyNumbers(elements: NumberArray, first: number, { axes, from, to }: Pair, target: Float32Array, at: number): void {
  const walk = (depth: number, source: number, place: number): void => {
    const { size, from: step, to: toStep } = axes[depth] ?? { size: 1, from: 1, to: 1 }
    if (depth >= axes.length - 1) for (let n = 0; n < size; n++) target[place + n * toStep] = Number(elements[source + n * step])
    else for (let n = 0; n < size; n++) walk(depth + 1, source + n * step, place + n * toStep)
  }
  walk(0, from - first, at + to)
}

/** Rows `from` to `from + count` of an expert's matrix, put into `target` at `at`. */
async function readRows(
  matrix: ExpertMatrix,
  expert: number,
  from: number,
  count: number,
  target: Float32Array,
  at: number,
): Promise<void> {
  const { match, view } = expertView(matrix.found, expert)
  const rows = entriesOf(view, from, count)
  for (const stretch of stretches(paired(rows, contiguous(rows.shape)), STRETCH)) {
    const elements = await readElements(matrix.checkpoint, match.tensor, stretch.from, stretch.from + spanOf(stretch))
    copyNumbers(elements, stretch.from, stretch, target, at)
  }
}

/** The matrix of an expert, [rows * columns]. */
export async function readMatrix(matrix: ExpertMatrix, expert: number): Promise<Float32Array> {
  const values = new Float32Array(elementCount([matrix.rows, matrix.columns]))
  await readRows(matrix, expert, 0, matrix.rows, values, 0)
  return values
}

export interface Piece {
  /** [E, width]: the same places of every expert's matrix. */
  readonly values: Float32Array
  readonly width: number
}

/** A matrix of each expert, in pieces of some rows of all of them. */
export async function* piecesOf(matrix: ExpertMatrix): AsyncGenerator<Piece> {
  const { experts, rows, columns } = matrix
  const atOnce = Math.max(1, Math.floor(PIECE / (experts * columns)))
  for (let from = 0; from < rows; from += atOnce) {
    const count = Math.min(atOnce, rows - from)
    const width = count * columns
    const values = new Float32Array(experts * width)
    for (let expert = 0; expert < experts; expert++) await readRows(matrix, expert, from, count, values, expert * width)
    yield { values, width }
  }
}
