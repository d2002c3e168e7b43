/** Experts that no token may select: every policy of the library, groups, expert choice, and what cannot be. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { compile } from '../../compiler/compile.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import { print } from '../../compiler/graph/print.ts'
import { lower, type LowerOptions } from '../../compiler/lower/lower.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import type { HostTensor } from '../../compiler/reference/tensor.ts'
import { PORTABLE } from '../../plan/target.ts'
import { checkSource, framed } from '../support/check.ts'
import { feedsOf } from '../support/random.ts'
import { load, root } from '../support/sources.ts'

const [E, MASKED] = [6, 2]

const specOf = (policy: string, call = `${policy}()`, clauses = '', experts = E): string => `
import { swiglu } from "std/experts/swiglu"
import { ${policy} } from "std/policies/${policy}"

model layer(D: int = 8, E: int = ${experts}) {
  input tokens: i32[B, S]
  param table: f32[11, D]
  output y = moe(take(table, tokens)) {
    experts E of swiglu(F = 5)
    route ${call}
    ${clauses}
  }
}
`

function graphOf(text: string, options: LowerOptions = {}): Graph {
  const { model, diagnostics } = checkSource({ path: 'test/lower/spec.smoe', text })
  expect(framed(diagnostics)).toBe('')
  return lower(model!, { routes: true, ...options })
}

interface Decision {
  readonly selected: readonly number[]
  readonly weights: readonly number[]
}

const DIMS = { B: 2, S: 20 }

/** What each token selects, [T][K]. */
function decisions(graph: Graph, feeds = feedsOf(graph, DIMS, { seed: 4 })): readonly Decision[] {
  const { 'moe.selected': selected, 'moe.weights': weights } = evaluate(graph, feeds)
  const k = selected.shape[1]
  const rows = ({ values }: HostTensor): readonly (readonly number[])[] =>
    Array.from({ length: selected.shape[0] }, (_, token) => Array.from(values.slice(token * k, (token + 1) * k), Number))
  const [experts, shares] = [rows(selected), rows(weights)]
  return experts.map((one, token) => ({ selected: one, weights: shares[token] }))
}

const masked = { maskedExperts: { moe: [MASKED] } }

/** Of these a decision depends on other tokens or on chance, or every expert is selected. */
const APART = new Set(['expert_choice', 'random', 'soft'])
/** Others than the default numbers, for few experts. */
const CALLS: Readonly<Record<string, string>> = {
  group_limited_top_k: 'group_limited_top_k(k = 2, groups = 3, keep = 2)',
  deepseek_v3: 'deepseek_v3(k = 2, groups = 3, keep = 2)',
}
const policies = readdirSync(join(root, 'std/policies')).map((file) => file.replace('.smoe', ''))

describe('a policy', () => {
  test.each(policies.filter((name) => !APART.has(name)))('%s selects another expert where it would the masked one', (policy) => {
    const [before, after] = [{}, masked].map((options) => graphOf(specOf(policy, CALLS[policy]), options))
    // the values of weights depend on their order in a graph
    const feeds = feedsOf(before, DIMS, { seed: 4 })
    const [plain, without] = [decisions(before, feeds), decisions(after, feeds)]
    expect(plain.some(({ selected }) => selected.includes(MASKED))).toBe(true)
    for (const [token, { selected, weights }] of without.entries()) {
      expect(selected).not.toContain(MASKED)
      expect(selected.includes(-1)).toBe(plain[token].selected.includes(-1))
      if (!plain[token].selected.includes(MASKED)) expect({ selected, weights }).toEqual(plain[token])
    }
  })

  test('without masked experts is the same graph', () => {
    const text = specOf('top_k', 'top_k()', 'require groups 3 keep 2')
    expect(print(graphOf(text, { maskedExperts: { moe: [] } }))).toBe(print(graphOf(text)))
  })

  test('that renormalises decides as a model without the expert', () => {
    const [all, fewer] = [graphOf(specOf('top_k'), masked), graphOf(specOf('top_k', 'top_k()', '', E - 1))]
    const feeds = feedsOf(all, DIMS, { seed: 4 })
    const { weights } = feeds
    const pruned = Object.entries(weights).map(([name, tensor]): [string, HostTensor] => {
      if (tensor.shape[0] !== E) return [name, tensor]
      const row = tensor.values.length / E
      const values = tensor.values.filter((_, at) => Math.floor(at / row) !== MASKED)
      return [name, { ...tensor, shape: [E - 1, ...tensor.shape.slice(1)], values }]
    })
    const small = decisions(fewer, { ...feeds, weights: Object.fromEntries(pruned) })
    for (const [token, { selected, weights: shares }] of decisions(all, feeds).entries()) {
      expect(selected).toEqual(small[token].selected.map((expert) => (expert >= MASKED ? expert + 1 : expert)))
      shares.forEach((share, at) => expect(share).toBeCloseTo(small[token].weights[at], 6))
    }
  })
})

test.each([
  ['groups', 'require groups 3 keep 2'],
  ['a bias', 'require bias balanced at 0.01'],
  ['overflow to the next expert', 'require capacity 1.0 overflow next'],
  ['expert choice', 'require expert choice'],
])('with %s a masked expert takes no token', (_, clauses) => {
  const text = specOf('top_k', 'top_k(k = 2)', clauses)
  const answered = (options: LowerOptions): readonly number[] =>
    decisions(graphOf(text, options), feedsOf(graphOf(text), DIMS, { seed: 4 })).flatMap(({ selected, weights }) =>
      selected.filter((__, at) => weights[at] !== 0),
    )
  const [expert] = answered({})
  const without = answered({ maskedExperts: { moe: [expert] } })
  expect(without).not.toContain(expert)
  expect(without.length).toBeGreaterThan(DIMS.B * DIMS.S)
})

test.each([
  [{ moe: [0, 1, 2, 3, 4] }, 'top_k(k = 2)', '', 'without 5 of 6 experts moe has 1, but the policy selects 2'],
  [{ moe: [6] }, 'top_k()', '', 'moe has no expert 6: it has 6, counted from 0'],
  [{ 'layers.0/moe': [1] }, 'top_k()', '', 'there is no routed layer layers.0/moe; there are moe'],
  [
    { moe: [0, 2] },
    'top_k(k = 3)',
    'require groups 3 keep 2',
    'has 2 in the groups that a token may keep, but the policy selects 3',
  ],
  [{ moe: [0, 1, 2, 3, 4, 5] }, 'top_k()', 'require expert choice', 'without 6 of 6 experts moe has 0, but the policy selects 1'],
])('%j of %s %s is refused', (maskedExperts, call, clauses, message) => {
  const { plan, diagnostics } = compile(
    { path: 'spec.smoe', text: specOf('top_k', call, clauses) },
    { load, target: PORTABLE, maskedExperts },
  )
  expect(plan).toBeNull()
  expect(diagnostics.map(({ code }) => code)).toEqual(['SMOE4004'])
  expect(diagnostics[0].message).toContain(message)
})

test('groups that are closed whole are not kept, and leave enough', () => {
  const text = specOf('top_k', 'top_k(k = 2)', 'require groups 3 keep 1')
  for (const { selected } of decisions(graphOf(text, { maskedExperts: { moe: [0, 1] } })))
    expect(selected.every((expert) => expert > 1)).toBe(true)
})

test('where a policy leaves no other expert, the assignment is dropped', () => {
  // both groups that are kept have one expert left
  const text = specOf('group_limited_top_k', 'group_limited_top_k(k = 2, groups = 3, keep = 1)')
  const kept = decisions(graphOf(text)).filter(({ selected }) => selected[0] < 2)
  expect(kept.length).toBeGreaterThan(0)
  const without = decisions(graphOf(text, { maskedExperts: { moe: [1] } }), feedsOf(graphOf(text), DIMS, { seed: 4 }))
  expect(without.flatMap(({ selected }) => selected)).not.toContain(1)
  expect(without.some(({ selected, weights }) => selected[1] === -1 && weights[1] === 0)).toBe(true)
})
