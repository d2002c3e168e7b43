/** Policies that know sequences: B of them with S tokens each. */
import { describe, expect, test } from 'vitest'
import { lower } from '../../compiler/lower/lower.ts'
import type { Model } from '../../compiler/model/model.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { checkSource, framed } from '../support/check.ts'
import { feedsOf } from '../support/random.ts'

function modelOf(input: string, route: string, given = 'x'): Model {
  const text = `import { swiglu } from "std/experts/swiglu"
import { load_balance } from "std/losses/balance"
import { competition } from "std/policies/competition"

/// Its load is even in each sequence.
policy known(k: int in 1..E = 2, sequences: int in 1.. = B) {
  param gate: f32[E, D]
  let p = softmax(x @ gate.T)
  select top k by p
  weigh pick(p, selected)
  loss balance = load_balance(p, selected, sequences)
}

/// The square of what the mean probabilities of each sequence are.
policy shaped(k: int in 1..E = 2) {
  param gate: f32[E, D]
  let p = softmax(x @ gate.T)
  let q = mean(reshape(p, [B, S, E]), axis = 1)
  select top k by p
  weigh pick(p, selected)
  loss even = mean(sum(q * q)) + B * 10.0 + S * 100.0 + T / B
}

model m(D: int = 4) {
  input x: ${input}
  output y = moe(${given}) {
    experts 4 of swiglu(F = 3)
    route ${route}
  }
}
`
  const { model, diagnostics } = checkSource({ path: 'test/lower/sequences.smoe', text })
  if (model === null) throw new Error(framed(diagnostics))
  return model
}

function lossesOf(model: Model, dims: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  const graph = lower(model, { training: true })
  const feeds = feedsOf(graph, dims, { seed: 7 })
  const found = evaluate(graph, feeds)
  return Object.fromEntries(
    Object.keys(found)
      .filter((name) => name.startsWith('loss.'))
      .map((name) => [name.split('.').at(-1)!, found[name].values[0]]),
  )
}

const SIZES = { B: 3, S: 5 }

describe('B and S in a policy', () => {
  test('are the sequences of the batch and the tokens of each', () => {
    const { even } = lossesOf(modelOf('f32[B, S, D]', 'shaped()'), SIZES)
    expect(Math.floor(even)).toBe(3 * 10 + 5 * 100 + 5)
  })
  test('are one sequence of all tokens where the layer is given rows', () => {
    expect(Math.floor(lossesOf(modelOf('f32[N, D]', 'shaped()'), { N: 6 }).even)).toBe(10 + 600 + 6)
    expect(Math.floor(lossesOf(modelOf('f32[B, S, D]', 'shaped()', 'reshape(x, [B * S, D])'), SIZES).even)).toBe(10 + 1500 + 15)
  })
  test('count all axes before that of the tokens as sequences', () => {
    expect(Math.floor(lossesOf(modelOf('f32[A, B, S, D]', 'shaped()'), { A: 2, ...SIZES }).even)).toBe(60 + 500 + 5)
  })
  test('may be the default of a parameter', () => {
    const losses = ['known()', 'known(sequences = 3)', 'known(sequences = 1)'].map(
      (route) => lossesOf(modelOf('f32[B, S, D]', route), SIZES).balance,
    )
    expect(losses[0]).toBeCloseTo(losses[1], 12)
    expect(Math.abs(losses[0] - losses[2])).toBeGreaterThan(1e-3)
  })
})

test('a published policy takes the sequences of the batch as an argument', () => {
  const [open, fixed, single] = ['competition(sequences = B)', 'competition(sequences = 3)', 'competition()'].map((route) =>
    lossesOf(modelOf('f32[B, S, D]', route), SIZES),
  )
  expect(open.competition_balance).toBeCloseTo(fixed.competition_balance, 12)
  expect(Math.abs(open.competition_balance - single.competition_balance)).toBeGreaterThan(1e-5)
})
