/**
 * Nothing stays of a step of training, however many there are.
 * @module-tag long
 */
import { expect, test } from 'vitest'
import { trainingPlans } from '../../compiler/train.ts'
import { PORTABLE } from '../../plan/target.ts'
import { openDevice } from '../../runtime/index.ts'
import { createNullAdapter } from '../../runtime/null/adapter.ts'
import { createDeviceMachine } from '../../training/device-machine.ts'
import { initialise } from '../../training/initialise.ts'
import { MAX_PROGRAMS } from '../../training/program-machine.ts'
import { graphsOf, TINY } from '../bindings/tiny.ts'
import { growthOf } from '../support/heap.ts'

async function nullMachine(change: Partial<Parameters<typeof createDeviceMachine>[1]> = {}) {
  const fake = createNullAdapter()
  const plans = trainingPlans(graphsOf(TINY), PORTABLE)
  const machine = createDeviceMachine(await openDevice(fake.adapter), { ...plans, ...change })
  return { ...fake, plans, machine, clear: () => void ((fake.log as unknown[]).length = 0) }
}

const tokens = { shape: [2, 12], data: new Int32Array(24) }

test('3,000 steps, updates, reads and writes on a device', async () => {
  const {
    plans: { recipe },
    machine,
    clear,
  } = await nullMachine()
  await machine.write(initialise(recipe))
  const inputs = { tokens, targets: tokens, random: { shape: [2], data: Int32Array.of(3, 0) } }
  expect(
    await growthOf(3_000, async (at) => {
      await machine.step([], inputs)
      await machine.update({ learningRate: 1, update: at + 1, lossScale: 1 })
      await machine.evaluate(inputs)
      if (at % 10 === 0) await machine.write(await machine.read(['embed']))
      clear()
    }),
  ).toBeLessThan(200)
}, 180_000)

test('sets of layers that compete, ever others: the plans of those that competed last are kept', async () => {
  let made = 0
  const plan = trainingPlans(graphsOf(TINY), PORTABLE).step([], true)
  const step = () => {
    made++
    return plan
  }
  const inputs = { tokens, targets: tokens, random: { shape: [2], data: Int32Array.of(3, 0) } }
  const { machine, bytesHeld } = await nullMachine({ step })
  for (let at = 0; at < MAX_PROGRAMS; at++) await machine.step([`layer ${at}`], inputs)
  const held = bytesHeld()
  for (let at = 0; at < 5 * MAX_PROGRAMS; at++) await machine.step([`other ${at}`], inputs)
  // one is made before the oldest goes
  expect(bytesHeld()).toBeLessThanOrEqual(held * (1 + 2 / MAX_PROGRAMS))
  const before = made
  await machine.step([`other ${5 * MAX_PROGRAMS - 1}`], inputs)
  expect(made).toBe(before)
})

test('a plan that was refused once is asked for again', async () => {
  const { machine, failNext } = await nullMachine()
  failNext('out-of-memory', 'no room')
  await expect(machine.evaluate({ tokens, targets: tokens })).rejects.toThrow('out of memory')
  expect(Object.keys((await machine.evaluate({ tokens, targets: tokens })).losses)).toContain('loss.next')
})
