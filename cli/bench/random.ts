/** Tensors from a seed: the same on every machine. */
import type { Plan, WeightPiece, WeightPort } from '../../plan/plan.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import { memoryCheckpoint } from '../../runtime/checkpoint/memory.ts'
import { elementCount, type HostData } from '../../runtime/tensors.ts'
import { createRandom, normal } from '../random.ts'

export function randomTensor(shape: readonly number[], random: () => number, deviation: number): HostData {
  return { shape, data: Float32Array.from({ length: elementCount(shape) }, () => normal(random, deviation)) }
}

/** The seed of a tensor: its name decides, so that adding one changes no other. FNV-1a. */
function seedOf(name: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed
  for (const character of name) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193)
  return hash >>> 0
}

function fileShape({ shape, stacked }: WeightPort, { transpose, slices }: WeightPiece): readonly number[] {
  if (slices.some(({ kind }) => kind !== 'all')) throw new RangeError('a slice does not say how large the tensor is')
  const sizes = shape.map(Number).slice(stacked ? 1 : 0)
  return transpose ? [...sizes.slice(0, -2), sizes[sizes.length - 1], sizes[sizes.length - 2]] : sizes
}

/** Weights for a plan that takes whole tensors: normal, the variance of each sum of products near one; vectors are ones. */
export function randomCheckpoint(plan: Plan, seed: number): Checkpoint {
  const tensors: Record<string, HostData> = {}
  for (const port of plan.weights) {
    for (const piece of port.pieces) {
      const shape = fileShape(port, piece)
      const random = createRandom(seedOf(piece.tensor, seed))
      const isVector = port.shape.length === 1
      tensors[piece.tensor] = isVector
        ? { shape, data: new Float32Array(elementCount(shape)).fill(1) }
        : randomTensor(shape, random, 1 / Math.sqrt(shape[shape.length - 1] ?? 1))
    }
  }
  return memoryCheckpoint(tensors, `random weights of seed ${seed}`)
}
