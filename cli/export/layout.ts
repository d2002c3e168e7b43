/** A table of weights read backwards: from the weights of a model to the tensors of a checkpoint that they are stored as. */
import type { WeightPiece, WeightPort } from '../../plan/plan.ts'
import { elementCount } from '../../runtime/tensors.ts'
import { viewOf, type View } from '../../runtime/weights/view.ts'

/** Where a part of a tensor comes from: a piece of a weight. */
export interface Part {
  readonly port: WeightPort
  /** Which of the pieces of the weight. */
  readonly at: number
  /** The piece as a view of the tensor. */
  readonly view: View
}

export interface LaidTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly parts: readonly Part[]
}

export const sizesOf = ({ shape }: WeightPort): readonly number[] => shape.map(Number)

/** The shape of a piece: one expert's where the pieces of a weight are stacked. */
const pieceShape = (port: WeightPort): readonly number[] => (port.stacked ? sizesOf(port).slice(1) : sizesOf(port))

/** The smallest shape of a tensor that a piece of this shape can be a part of. */
function leastShape(shape: readonly number[], { slices, transpose }: WeightPiece): readonly number[] {
  const seen = transpose ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape
  const dropped = slices.filter(({ kind }) => kind === 'index').length
  const least: number[] = []
  for (let axis = 0, next = 0; axis < seen.length + dropped; axis++) {
    const slice = slices[axis] ?? { kind: 'all' }
    if (slice.kind === 'index') least.push(slice.at + 1)
    else {
      const size = seen[next++]
      least.push(slice.kind === 'all' ? size : slice.start + (size - 1) * slice.step + 1)
    }
  }
  return least
}

const largest = (shapes: readonly (readonly number[])[]): readonly number[] =>
  shapes[0].map((_, axis) => Math.max(...shapes.map((shape) => shape[axis])))

function laidTensor(name: string, pieces: readonly Omit<Part, 'view'>[]): LaidTensor {
  const shape = largest(pieces.map(({ port, at }) => leastShape(pieceShape(port), port.pieces[at])))
  const parts = pieces.map(({ port, at }): Part => {
    const view = viewOf(shape, port.pieces[at])
    if (typeof view === 'string') throw new Error(`${port.name} cannot be a part of ${name}: ${view}`)
    return { port, at, view }
  })
  const count = parts.reduce((sum, { view }) => sum + elementCount(view.shape), 0)
  if (count !== elementCount(shape)) throw new Error(`the weights give ${count} of the ${elementCount(shape)} numbers of ${name}`)
  return { name, shape, parts }
}

/**
 * The tensors that these weights are stored as, in the order of the weights, with their shapes. Throws an Error where pieces do
 * not cover a tensor exactly: tables of weights of the architectures do.
 */
export function laidOut(ports: readonly WeightPort[]): readonly LaidTensor[] {
  const pieces = new Map<string, Omit<Part, 'view'>[]>()
  for (const port of ports)
    for (const [at, { tensor }] of port.pieces.entries()) {
      const known = pieces.get(tensor)
      if (known === undefined) pieces.set(tensor, [{ port, at }])
      else known.push({ port, at })
    }
  return [...pieces].map(([name, list]) => laidTensor(name, list))
}
