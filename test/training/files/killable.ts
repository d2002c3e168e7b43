/** A run whose state is large enough that writing it takes time, and tells of itself which step it is of. */
import type { Machine } from '../../../training/machine.ts'
import type { Training } from '../../../training/run.ts'
import { bigrams, fakeMachine } from '../fake-machine.ts'
import { routed } from '../recipes.ts'
import { chain } from '../texts.ts'

export const BALLAST = 200_000

/** Every number of `ballast` is the count of updates. */
function loaded(machine: Machine): Machine {
  let updates = 0
  return {
    ...machine,
    update: (scalars) => {
      updates = scalars.update
      return machine.update(scalars)
    },
    read: async (names) => ({
      ...(await machine.read(names)),
      ...(names === undefined ? { ballast: { shape: [BALLAST], data: new Float32Array(BALLAST).fill(updates) } } : {}),
    }),
    write: ({ ballast: _, ...tensors }) => machine.write(tensors),
  }
}

export function killable(): Training {
  const recipe = bigrams({
    steps: 300,
    isRandom: true,
    layers: [
      routed('layers.0/moe', { competition: { rate: 0.2, after: 0, atMost: 1 }, balancedBias: { weight: 'bias', rate: 0.01 } }),
    ],
  })
  return {
    recipe,
    machine: loaded(fakeMachine(recipe)),
    training: chain(200),
    validation: chain(60, 1),
    validateEvery: 7,
    saveEvery: 1,
    now: () => 0,
  }
}
