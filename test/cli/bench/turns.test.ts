/** Turns of what is timed, and what their times come to. */
import { expect, test } from 'vitest'
import { compare, verdict } from '../../../cli/bench/comparison.ts'
import { ratio, spreadOf } from '../../../cli/bench/statistics.ts'
import { takeTurns } from '../../../cli/bench/turns.ts'

test('each runs in each round, five rounds at least, and one at a time', async () => {
  const order: string[] = []
  let running = 0
  const named = (name: string) => ({
    run: async () => {
      expect(++running).toBe(1)
      order.push(name)
      await new Promise((resolve) => setTimeout(resolve, 5))
      running--
    },
  })
  const parts: number[] = []
  const rounds = await takeTurns([named('a'), named('b')], 0.001, (part) => parts.push(part))
  expect(rounds.map((own) => own.length)).toEqual([5, 5])
  for (const times of rounds.flat()) expect(Math.min(...times)).toBeGreaterThan(3)
  expect(order.join('').replaceAll(/(.)\1+/g, '$1')).toBe('ab'.repeat(6))
  expect(parts.at(-1)).toBe(1)
})

test('quartiles, and ratios round by round', () => {
  expect(spreadOf([5, 1, 3, 2, 4])).toEqual({ median: 3, low: 2, high: 4 })
  expect(spreadOf([7])).toEqual({ median: 7, low: 7, high: 7 })
  const [slow, fast] = [
    [[4], [8, 8, 9], [30]],
    [[2], [2], [10]],
  ]
  expect(ratio(slow, fast)).toEqual({ median: 3, low: 2, high: 3 })
})

test('a verdict in words', () => {
  const all = [
    { name: 'cpu', rounds: [[50], [100], [52]] },
    { name: 'lavapipe', rounds: [[125], [260], [130]] },
    { name: 'swiftshader', rounds: [[600], [1200], [500]] },
  ]
  expect(verdict('cpu', 52, compare(all))).toBe(
    'cpu takes 52.0 ms: 2.5 times as fast as lavapipe (2.5 to 2.5), 12 times as fast as swiftshader (9.6 to 12)',
  )
  expect(verdict('cpu', 52, [])).toBe('cpu takes 52.0 ms')
  expect(
    verdict(
      'a',
      4,
      compare([
        { name: 'a', rounds: [[4]] },
        { name: 'b', rounds: [[3]] },
      ]),
    ),
  ).toContain('0.75 times as fast as b')
})
