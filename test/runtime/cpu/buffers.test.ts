/** Buffers while work is under way. */
import { expect, test } from 'vitest'
import { createBuffers } from '../../../runtime/cpu/buffers.ts'
import { createExclusive } from '../../../runtime/exclusive.ts'
import type { SharedMemory } from '../../../runtime/cpu/memory.ts'
import { OutOfMemoryError } from '../../../runtime/errors.ts'

/** A memory of so many bytes, at any addresses. */
function memoryOf(room: number) {
  const used = new Map<number, number>()
  let next = 1
  const available = (): number => room - [...used.values()].reduce((sum, bytes) => sum + bytes, 0)
  const allocate = (label: string, bytes: number): number => {
    if (bytes > available()) throw new OutOfMemoryError(label, bytes, '')
    used.set(next, bytes)
    return next++
  }
  return { allocate, available, free: (address: number) => void used.delete(address) } as unknown as SharedMemory
}

/** Buffers, while work is under way that ends when it is told to. */
function atWork(room: number) {
  const exclusive = createExclusive()
  let end = (): void => {}
  const work = exclusive(() => new Promise<void>((resolve) => (end = resolve)))
  return { ...createBuffers(memoryOf(room), exclusive), end: () => (end(), work) }
}

test('what is destroyed counts as available, and is given to another once the work is done', async () => {
  const { create, available, end } = atWork(100)
  const first = await create('first', 80)
  expect(available()).toBe(20)
  first.destroy()
  first.destroy()
  expect(available()).toBe(100)
  let isMade = false
  const second = create('second', 80).then(() => (isMade = true))
  await new Promise((resolve) => setTimeout(resolve))
  expect(isMade).toBe(false)
  await end()
  await second
  expect(available()).toBe(20)
})

test('where nothing was destroyed, a refusal comes at once', async () => {
  const { create, end } = atWork(100)
  await create('first', 80)
  await expect(create('second', 80)).rejects.toThrow('out of memory for second')
  await end()
})

test('work goes on after work that fails, in order', async () => {
  const exclusive = createExclusive()
  const order: number[] = []
  const failing = exclusive(async () => {
    await Promise.resolve()
    order.push(1)
    throw new Error('it fails')
  })
  const second = exclusive(async () => void order.push(2))
  await expect(failing).rejects.toThrow('it fails')
  await second
  await exclusive(async () => void order.push(3))
  expect(order).toEqual([1, 2, 3])
})
