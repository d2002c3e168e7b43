/** What a device machine keeps, on an adapter that computes nothing. */
import { expect, it } from 'vitest'
import type { RecipeWeight } from '../../plan/recipe.ts'
import { openDevice } from '../../runtime/webgpu/device.ts'
import { createNullAdapter } from '../../runtime/null/adapter.ts'
import { createDeviceMachine } from '../../training/device-machine.ts'
import { recipeOf } from './recipes.ts'

const weight = (name: string, shape: readonly number[], rate = 1): RecipeWeight => ({
  name,
  shape,
  initialiser: { kind: 'zeros' },
  fanIn: 1,
  rate,
  decay: 0,
})

async function open() {
  const never = (): never => {
    throw new Error('no plan is asked for')
  }
  const device = await openDevice(
    createNullAdapter({ limits: { maxStorageBufferBindingSize: 8192, maxBufferSize: 4096 } }).adapter,
  )
  const recipe = recipeOf({ weights: [weight('small', [2, 2]), weight('large', [1100]), weight('frozen', [3], 0)] })
  return createDeviceMachine(device, {
    recipe,
    f16Weights: new Set(),
    step: never,
    update: never,
    f16Copies: never,
    evaluation: never,
  })
}

it('is zeros before anything is written, weights first and then what the optimiser remembers', async () => {
  const machine = await open()
  const state = await machine.read()
  expect(Object.entries(state).map(([name, { shape }]) => [name, shape])).toEqual([
    ['small', [2, 2]],
    ['large', [1100]],
    ['frozen', [3]],
    ['momentum.small', [2, 2]],
    ['momentum.large', [1100]],
  ])
  for (const { data } of Object.values(state)) expect([...data].every((value) => value === 0)).toBe(true)
  await expect(machine.read(['other'])).rejects.toThrow('weight other: is not in the store')
  machine.dispose()
})

it('gives back what was written, f64 as f32', async () => {
  const machine = await open()
  await machine.write({
    frozen: { shape: [3], data: Float64Array.of(0.1, 2, 3) },
    'momentum.small': { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
  })
  const { frozen, 'momentum.small': momentum, small } = await machine.read(['frozen', 'small', 'momentum.small'])
  expect([frozen.data, momentum.data, small.data]).toEqual([
    Float32Array.of(0.1, 2, 3),
    Float32Array.of(1, 2, 3, 4),
    new Float32Array(4),
  ])
  machine.dispose()
})
