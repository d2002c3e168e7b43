import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chooseToken, GREEDY, type Sampling } from '../../generation/sampling.ts'
import { assertProperty } from '../support/property.ts'

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

/** The token that is drawn where all are sorted and filtered one after the other. */
function plainDraw(logits: Float32Array, { temperature, topK, topP, minP }: Sampling, uniform: number): number {
  const shares = (kept: readonly (readonly [number, number])[]): readonly number[] => {
    const weights = kept.map(([logit]) => Math.exp((logit - kept[0][0]) / temperature))
    const sum = weights.reduce((a, b) => a + b)
    return weights.map((weight) => weight / sum)
  }
  let kept = Array.from(logits, (logit, id) => [logit, id] as const).sort((a, b) => b[0] - a[0] || a[1] - b[1])
  if (topK !== null) kept = kept.filter(([logit]) => logit >= kept[Math.min(topK, kept.length) - 1][0])
  const reach = (reached: (sum: number) => boolean): number => {
    let sum = 0
    const at = shares(kept).findIndex((share) => reached((sum += share)))
    return at < 0 ? kept.length - 1 : at
  }
  if (topP !== null) kept = kept.slice(0, reach((sum) => sum >= topP) + 1)
  if (minP !== null) kept = kept.filter((_, at) => shares(kept)[at] >= minP * shares(kept)[0])
  return kept[reach((sum) => sum > uniform)][1]
}

test('of many tokens, sorted as far as they are needed, the same one is drawn', () => {
  const optional = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(values, { nil: null })
  assertProperty(
    fc.property(
      fc.record({
        // few values have ties, 0 and -0 among them
        logits: fc.oneof(
          fc.float32Array({ minLength: 1, maxLength: 900, min: -30, max: 30, noNaN: true }),
          fc.array(fc.constantFrom(-1.5, -0, 0, 2), { minLength: 1, maxLength: 900 }).map((values) => Float32Array.from(values)),
        ),
        temperature: fc.constantFrom(0.3, 1, 8),
        topK: optional(fc.integer({ min: 1, max: 1000 })),
        topP: optional(fc.constantFrom(0.2, 0.9, 0.999)),
        minP: fc.constant(null),
        repetitionPenalty: fc.constant(1),
      }),
      fc.double({ min: 0.001, max: 0.999, noNaN: true }),
      ({ logits, ...sampling }, uniform) => {
        const { id } = chooseToken({ logits, at: 0, width: logits.length }, [], sampling, () => uniform)
        expect(id).toBe(plainDraw(logits, sampling, uniform))
      },
    ),
    100,
  )
})
