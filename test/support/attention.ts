/** Specs of attention in many forms, and numbers for them. */
import fc from 'fast-check'
import { differentiate } from '../../compiler/autodiff/differentiate.ts'
import type { Graph, Node } from '../../compiler/graph/node.ts'
import { createBuilder, NO_ORIGIN } from '../../compiler/ops/build.ts'
import { dim } from '../../plan/dim.ts'
import { PAST_TOKENS } from '../../plan/state-inputs.ts'
import { fuseAttention } from '../../compiler/passes/attention-fusion.ts'
import type { Feeds } from '../../compiler/reference/evaluate.ts'
import { hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import { graphOf } from './graph.ts'
import { floats, uniform } from './random.ts'

/** What distinguishes one attention from another. */
export interface AttentionForm {
  readonly B: number
  readonly S: number
  readonly groups: number
  readonly ratio: number
  readonly C: number
  readonly W: number
  readonly window: number
  readonly cap: number
  readonly sinks: boolean
  readonly padded: boolean
  readonly bidirectional: boolean
}

export const PLAIN: AttentionForm = {
  B: 1,
  S: 8,
  groups: 2,
  ratio: 1,
  C: 4,
  W: 4,
  window: 0,
  cap: 0,
  sinks: false,
  padded: false,
  bidirectional: false,
}

const spec = ({ groups, ratio, C, W, window, cap, sinks, padded, bidirectional }: AttentionForm): string => `
import { attend } from "std/blocks/attention"
model attention() {
  input q: f32[B, S, ${groups * ratio}, ${C}]
  input k: f32[B, S, ${groups}, ${C}]
  input v: f32[B, S, ${groups}, ${W}]
  input logits: f32[${groups * ratio}]
  input seen: bool[B, S]
  input dy: f32[B, S, ${groups * ratio * W}]
  let answer = attend(
    q, k, v, 0.5, cap = ${cap.toFixed(1)}, window = ${window}, bidirectional = ${bidirectional},
    sinks = ${sinks}, sink = logits, padded = ${padded}, present = seen,
  )
  output y: f32[B, S, ${groups * ratio * W}] = answer
  output loss: f32[] = sum(sum(sum(answer * dy, axis = 2), axis = 1), axis = 0)
}`

const LEAVES = ['q', 'k', 'v', 'logits']

/** The graph as the language has it, and with fused attention; with the gradients of all operands. */
export function attentionGraphs(form: AttentionForm): { readonly unfused: Graph; readonly fused: Graph } {
  const graph = graphOf({ path: 'attention.smoe', text: spec(form) })
  const [unfused, fused] = [graph, fuseAttention(graph)].map((each) => differentiate(each, { losses: ['loss'], by: LEAVES }))
  return { unfused, fused }
}

export function attentionFeeds({ B, S, groups, ratio, C, W }: AttentionForm, seed: number): Feeds {
  const next = uniform(seed)
  const tensor = (shape: readonly number[]): HostTensor => floats(shape, next, 1)
  // every third sequence has no token that counts, so that its queries see no key
  const seen = hostTensor(
    [B, S],
    'bool',
    Float64Array.from({ length: B * S }, (_, at) => Number(Math.floor(at / S) % 3 !== 2 && next() < 0.7)),
  )
  const inputs = {
    q: tensor([B, S, groups * ratio, C]),
    k: tensor([B, S, groups, C]),
    v: tensor([B, S, groups, W]),
    logits: tensor([groups * ratio]),
    seen,
    dy: tensor([B, S, groups * ratio * W]),
  }
  return { inputs, weights: {} }
}

/** Forms with `longest` positions at most. */
export const attentionForms = (longest: number): fc.Arbitrary<AttentionForm> =>
  fc
    .record({
      B: fc.integer({ min: 1, max: 3 }),
      S: fc.integer({ min: 1, max: longest }),
      groups: fc.integer({ min: 1, max: 3 }),
      ratio: fc.integer({ min: 1, max: 3 }),
      C: fc.constantFrom(1, 4, 5, 16),
      W: fc.constantFrom(1, 3, 8, 20),
      window: fc.constantFrom(0, 0, 1, 3, 17),
      cap: fc.constantFrom(0, 0, 1.5),
      sinks: fc.boolean(),
      padded: fc.boolean(),
      bidirectional: fc.boolean(),
    })
    .map((form) => (form.bidirectional ? { ...form, window: 0 } : form))

/** An attention of S queries behind a past over T keys, of a form without a mask. */
export function continuedGraph({ B, S, groups, ratio, C, W, window, cap, sinks }: AttentionForm, T: number): Graph {
  const builder = createBuilder()
  const input = (name: string, dtype: 'f32' | 'i32', ...shape: readonly number[]) =>
    builder.make('input', [], { name, dtype, shape: shape.map(dim) }, NO_ORIGIN) as Graph['inputs'][number]
  const inputs = [
    input('q', 'f32', B, S, groups, ratio, C),
    input('k', 'f32', B, T, groups, C),
    input('v', 'f32', B, T, groups, W),
    ...(sinks ? [input('logits', 'f32', groups, ratio)] : []),
    input(PAST_TOKENS, 'i32', B),
  ]
  const params = { scale: 0.5, cap, before: window === 0 ? Infinity : window - 1, after: 0 }
  const node = builder.make('attention', inputs, params, NO_ORIGIN) as Node
  return { name: 'continued', doc: '', dims: [], inputs, outputs: [{ name: 'y', node, doc: '' }], docs: {} }
}

/** Numbers for it; some queries lie behind the last key. */
export function continuedFeeds({ B, S, groups, ratio, C, W, sinks }: AttentionForm, T: number, seed: number): Feeds {
  const next = uniform(seed)
  const past = Float64Array.from({ length: B }, () => Math.floor(next() * (T + 1)))
  const inputs = {
    q: floats([B, S, groups, ratio, C], next, 1),
    k: floats([B, T, groups, C], next, 1),
    v: floats([B, T, groups, W], next, 1),
    ...(sinks ? { logits: floats([groups, ratio], next, 1) } : {}),
    [PAST_TOKENS]: hostTensor([B], 'i32', past),
  }
  return { inputs, weights: {} }
}
