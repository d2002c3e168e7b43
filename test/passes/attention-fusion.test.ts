/** Attention is recognised by its ops, in whatever order its axes are, and means the same; what only looks like it stays. */
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import type { Graph } from '../../compiler/graph/node.ts'
import { print } from '../../compiler/graph/print.ts'
import { verify } from '../../compiler/graph/verify.ts'
import { liveNodes } from '../../compiler/graph/walk.ts'
import { specOf } from '../../compiler/ops/spec.ts'
import { fuseAttention } from '../../compiler/passes/attention-fusion.ts'
import { withWeightFormats } from '../../compiler/passes/weight-formats.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { attentionFeeds, attentionForms, attentionGraphs } from '../support/attention.ts'
import { graphOf } from '../support/graph.ts'
import { close } from '../support/graph-on-host.ts'
import { assertProperty } from '../support/property.ts'
import { feedsOf } from '../support/random.ts'
import { inRun, MORE_IN_LONG } from '../support/runs.ts'

const opsOf = (graph: Graph): readonly string[] => liveNodes(graph).map(({ op }) => op)

test('values and gradients are those of the ops that it replaces', MORE_IN_LONG, () => {
  assertProperty(
    fc.property(attentionForms(9), fc.integer({ min: 1, max: 999 }), (form, seed) => {
      const { unfused, fused } = attentionGraphs(form)
      expect(opsOf(fused)).toContain('attention')
      expect(opsOf(fused)).not.toContain('max')
      expect(verify(fused, specOf('source'))).toEqual([])
      const feeds = attentionFeeds(form, seed)
      const [want, got] = [unfused, fused].map((graph) => evaluate(graph, feeds))
      for (const name of Object.keys(want))
        expect(
          [...got[name].values].every((value, at) => close(value, want[name].values[at])),
          name,
        ).toBe(true)
    }),
    inRun({ short: 8, long: 40, whole: 40 }),
  )
})

/** A spec whose output is attention of queries and keys, with whole expressions in the place of its parts. */
const written = (parts: {
  readonly inputs: string
  readonly scores: string
  readonly mask?: string
  readonly softmax?: string
  readonly output: string
  readonly more?: string
}): Graph =>
  graphOf({
    path: 'written.smoe',
    text: `model written() {
${parts.inputs}
  let key = reshape(iota(S), [1, S])
  let query = reshape(iota(S), [S, 1])
  let scores = ${parts.scores}
  let masked = ${parts.mask ?? 'where(key <= query, scores, lowest)'}
  let p = ${parts.softmax ?? 'softmax(masked)'}
  output y: f32[...] = ${parts.output}
${parts.more ?? ''}
}`.replace('f32[...]', parts.output.startsWith('einsum') ? 'f32[B, H, S, 3]' : 'f32[S, 3]'),
  })

const ALONE = { inputs: '  input q: f32[S, 4]\n  input k: f32[S, 4]\n  input v: f32[S, 3]', output: 'p @ v' }
const HEADS = {
  inputs: '  input q: f32[B, H, S, 4]\n  input k: f32[B, H, S, 4]\n  input v: f32[B, H, S, 3]',
  scores: 'einsum("b h s d, b h t d -> b h s t", q, k) / 2.0',
  output: 'einsum("b h s t, b h t c -> b h s c", p, v)',
}

describe('fires', () => {
  it.each([
    ['without heads', written({ ...ALONE, scores: 'q @ k.T' })],
    ['heads before positions', written(HEADS)],
    ['keys on the left', written({ ...HEADS, scores: 'einsum("b h t d, b h s d -> b h s t", k, q) * 0.5 * 3.0' })],
    ['a mask that is no band', written({ ...HEADS, mask: 'where(key % 3 == query % 3, scores, lowest)' })],
    ['a strict band', written({ ...HEADS, mask: 'where(query - key < 3 and key < query + 2, scores, lowest)' })],
    ['two masks', written({ ...HEADS, mask: 'where(key % 2 == 0, where(query % 2 == 0, scores, lowest), lowest)' })],
  ])('%s', (_, graph) => {
    const fused = fuseAttention(graph)
    expect(opsOf(fused)).toContain('attention')
    expect(verify(fused, specOf('source'))).toEqual([])
    const feeds = feedsOf(graph, { B: 2, H: 3, S: 5 })
    const [want, got] = [graph, fused].map((each) => evaluate(each, feeds).y)
    expect(got.shape).toEqual(want.shape)
    expect([...got.values].every((value, at) => close(value, want.values[at]))).toBe(true)
  })

  it('positions make a band, and no tensor of scores is left', () => {
    const [node] = liveNodes(
      fuseAttention(written({ ...HEADS, mask: 'where(query - key < 3 and key < query + 2, scores, lowest)' })),
    ).filter(({ op }) => op === 'attention')
    expect(node.params).toEqual({ scale: 0.5, cap: 0, before: 2, after: 1 })
    expect(node.inputs).toHaveLength(3)
  })
})

describe('stays', () => {
  it.each([
    ['scores that an output has', written({ ...HEADS, more: '  output s: f32[B, H, S, S] = scores' })],
    ['weights that an output has', written({ ...HEADS, more: '  output s: f32[B, H, S, S] = p' })],
    ['another mask value', written({ ...HEADS, mask: 'where(key <= query, scores, -1.0)' })],
    [
      'softmax along queries',
      written({
        ...HEADS,
        softmax:
          'exp(masked - max(masked, axis = 2, keep = true)) / sum(exp(masked - max(masked, axis = 2, keep = true)), axis = 2, keep = true)',
      }),
    ],
    [
      'exponentials without their maximum',
      written({ ...HEADS, softmax: 'exp(masked) / sum(exp(masked), axis = -1, keep = true)' }),
    ],
    [
      'the sum of other exponentials',
      written({
        ...HEADS,
        softmax: 'exp(masked - max(masked, axis = -1, keep = true)) / sum(exp(masked), axis = -1, keep = true)',
      }),
    ],
    ['scores without a gradient', written({ ...HEADS, mask: 'where(key <= query, stop(scores), lowest)' })],
    ['masked scores without a gradient', written({ ...HEADS, softmax: 'softmax(stop(masked))' })],
    ['weights without a gradient', written({ ...HEADS, softmax: 'stop(softmax(masked))' })],
    [
      'a sum without a gradient',
      written({
        ...HEADS,
        softmax:
          'exp(masked - max(masked, axis = -1, keep = true)) / stop(sum(exp(masked - max(masked, axis = -1, keep = true)), axis = -1, keep = true))',
      }),
    ],
    ['products that are not contracted over keys', written({ ...HEADS, output: 'einsum("b h s t, b h s c -> b h t c", p, v)' })],
  ])('%s', (_, graph) => {
    expect(print(fuseAttention(graph))).toBe(print(graph))
  })
})

it('an operand that is a weight in another format stays, since the kernel reads f32', () => {
  const inputs = '  input q: f32[S, 4]\n  param k: f32[5, 4]\n  input v: f32[5, 3]'
  const graph = written({ inputs, scores: 'q @ k.T', mask: 'scores', output: 'p @ v' })
  expect(opsOf(fuseAttention(graph))).toContain('attention')
  const stored = withWeightFormats(graph, { kind: 'all', format: 'bf16' })
  expect(print(fuseAttention(stored))).toBe(print(stored))
})
