import { expect, test } from 'vitest'
import { chooseToken, GREEDY, type Sampling } from '../../generation/sampling.ts'

const LOGITS = Float32Array.from([9, 1, 3, 2, 3, -1])
/** The row of five behind a logit that is not part of it. */
const row = { logits: LOGITS, at: 1, width: 5 }

/** How often each token is drawn, over evenly spaced numbers. */
function shares(sampling: Partial<Sampling>, history: readonly number[] = [], count = 10_000): readonly number[] {
  const found = Array.from({ length: row.width }, () => 0)
  const given = { ...GREEDY, temperature: 1, ...sampling }
  for (let at = 0; at < count; at++) found[chooseToken(row, history, given, () => (at + 0.5) / count).id] += 1 / count
  return found
}

/** softmax of logits, -Infinity for what is left out. */
function softmax(logits: readonly number[]): readonly number[] {
  const values = logits.map(Math.exp)
  const sum = values.reduce((a, b) => a + b)
  return values.map((value) => value / sum)
}

function near(got: readonly number[], want: readonly number[]): void {
  got.forEach((share, id) => expect(Math.abs(share - want[id]), `token ${id} of ${got.join()}`).toBeLessThan(3e-4))
}

const NOT = -Infinity

test('greedy takes the first of the most probable, and says what the model gave it', () => {
  const { id, logProbability } = chooseToken(row, [], GREEDY, () => 0.5)
  expect(id).toBe(1)
  expect(logProbability).toBeCloseTo(Math.log(softmax([1, 3, 2, 3, -1])[1]), 12)
})

test('all tokens are drawn as probable as they are', () => near(shares({}), softmax([1, 3, 2, 3, -1])))

test('a temperature divides the logits', () => near(shares({ temperature: 2 }), softmax([0.5, 1.5, 1, 1.5, -0.5])))

test('top-k leaves the most probable, and those equal to the last of them', () => {
  near(shares({ topK: 3 }), softmax([NOT, 3, 2, 3, NOT]))
  near(shares({ topK: 1 }), softmax([NOT, 3, NOT, 3, NOT]))
  near(shares({ topK: 100 }), softmax([1, 3, 2, 3, -1]))
})

test('top-p leaves the fewest that reach it, of what top-k left', () => {
  // shares: 0.3966, 0.3966, 0.1459, 0.0537, 0.0073
  near(shares({ topP: 0.39 }), [0, 1, 0, 0, 0])
  near(shares({ topP: 0.5 }), softmax([NOT, 3, NOT, 3, NOT]))
  near(shares({ topP: 0.9 }), softmax([NOT, 3, 2, 3, NOT]))
  near(shares({ topP: 1 }), softmax([1, 3, 2, 3, -1]))
  // of two alone, half is reached by the first
  near(shares({ topK: 2, topP: 0.49 }), [0, 1, 0, 0, 0])
})

test('min-p leaves what has a share of the largest', () => {
  near(shares({ minP: 0.2 }), softmax([NOT, 3, 2, 3, NOT]))
  near(shares({ minP: 1 }), softmax([NOT, 3, NOT, 3, NOT]))
})

test('a penalty divides positive logits of tokens that were there once, and multiplies negative ones', () => {
  near(shares({ repetitionPenalty: 2 }, [1, 1, 4]), softmax([1, 1.5, 2, 3, -2]))
  expect(chooseToken(row, [1], { ...GREEDY, repetitionPenalty: 1.5 }, () => 0).id).toBe(3)
})

test('the model keeps its logits', () => {
  chooseToken(row, [0, 1, 2, 3, 4], { ...GREEDY, repetitionPenalty: 3 }, () => 0)
  expect([...LOGITS]).toEqual([9, 1, 3, 2, 3, -1])
})
