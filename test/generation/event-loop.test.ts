import { expect, test } from 'vitest'
import { eventLoopTurn } from '../../generation/event-loop.ts'

test('timers have their turn', async () => {
  let isOver = false
  const start = performance.now()
  setTimeout(() => (isOver = true), 5)
  while (!isOver && performance.now() - start < 2000) await eventLoopTurn()
  expect(isOver).toBe(true)
})
