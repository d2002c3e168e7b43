/**
 * Loss-free load balancing, `bias balanced at RATE`: after each step b_e += rate * sign(mean load - load of e). Wang et al.,
 * 2024, arXiv:2408.15664.
 */
import type { Recipe } from '../plan/recipe.ts'
import type { FileData } from '../runtime/checkpoint/encode.ts'
import type { LayerRouting } from './events.ts'
import type { Machine, State } from './machine.ts'

function updatedBias({ shape, data }: FileData, { load }: LayerRouting, rate: number): FileData {
  const mean = load.reduce((sum, count) => sum + count, 0) / load.length
  const next = data.slice()
  for (const [expert, count] of load.entries()) next[expert] += rate * Math.sign(mean - count)
  return { shape, data: next }
}

/** Updates the biases from the loads of a step. */
export type BiasUpdate = (routing: readonly LayerRouting[]) => Promise<void>

/** Reads the biases of a machine once: nothing else changes them. */
export async function createBiasUpdate({ layers }: Recipe, machine: Machine): Promise<BiasUpdate> {
  const balanced = layers.flatMap(({ layer, balancedBias }) => (balancedBias === null ? [] : [{ layer, ...balancedBias }]))
  if (balanced.length === 0) return async () => {}
  let biases: State = await machine.read(balanced.map(({ weight }) => weight))
  return async (routing) => {
    biases = Object.fromEntries(
      balanced.map(({ layer, weight, rate }) => {
        const routed = routing.find((known) => known.layer === layer)
        // a bias without loads would silently stay as it is
        if (routed === undefined) throw new Error(`the machine reported no routing of ${layer}, which its balanced bias needs`)
        return [weight, updatedBias(biases[weight], routed, rate)]
      }),
    )
    await machine.write(biases)
  }
}
