/** `bias balanced at RATE`: after each step b_e += rate * sign(mean load - load of e). Wang et al., 2024, arXiv:2408.15664. */
import type { Recipe } from '../plan/recipe.ts'
import type { FileData } from '../runtime/checkpoint/encode.ts'
import type { LayerRouting } from './events.ts'
import type { Machine, State } from './machine.ts'

function moved({ shape, data }: FileData, { load }: LayerRouting, rate: number): FileData {
  const mean = load.reduce((sum, count) => sum + count, 0) / load.length
  const next = data.slice()
  for (const [expert, count] of load.entries()) next[expert] += rate * Math.sign(mean - count)
  return { shape, data: next }
}

/** Moves the biases by the loads of a step. */
export type Balance = (routing: readonly LayerRouting[]) => Promise<void>

/** The biases of a machine. They change nowhere else, so they are read once. */
export async function createBalance({ layers }: Recipe, machine: Machine): Promise<Balance> {
  const balanced = layers.flatMap(({ layer, balancedBias }) => (balancedBias === null ? [] : [{ layer, ...balancedBias }]))
  if (balanced.length === 0) return async () => {}
  let biases: State = await machine.read(balanced.map(({ weight }) => weight))
  return async (routing) => {
    biases = Object.fromEntries(
      balanced.map(({ layer, weight, rate }) => {
        const decided = routing.find((known) => known.layer === layer)
        // without its loads a bias would stay behind in silence
        if (decided === undefined) throw new Error(`the machine read back no routes of ${layer}, whose bias is balanced by them`)
        return [weight, moved(biases[weight], decided, rate)]
      }),
    )
    await machine.write(biases)
  }
}
