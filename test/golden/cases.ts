/** What each file of vectors holds, and the layer that computes it. */
import { geluExperts, reluExperts, type Experts, type Layer } from './layers.ts'

/** Names of the tensors that the layer's results are held against. */
export interface Expected {
  /** [..., K] experts and what they weigh. */
  readonly routes?: { readonly selected: string; readonly weights: string; readonly scores: string }
  readonly y?: string
}

export interface Case {
  readonly name: string
  readonly layer: Layer
  /** Without the precision and the ending. */
  readonly files: readonly string[]
  readonly expected: Expected
}

const routed = { selected: 'topk_idx', weights: 'topk_weight', scores: 'gate_softmax' }
const gate = 'moe.router.gate = "param.gate.weight"'
const top_k = '{ top_k } from "std/policies/top_k"'
const sigmoid_top_k = '{ sigmoid_top_k } from "std/policies/sigmoid_top_k"'
const softmax_of_top_k = '{ softmax_of_top_k } from "std/policies/softmax_of_top_k"'
const cosine = '{ cosine } from "std/policies/cosine"'
const perturbed_cosine = '{ perturbed_cosine } from "std/policies/perturbed_cosine"'

/** The last expert of the file is the shared one. */
const seven: Layer = {
  imports: [top_k], experts: geluExperts, E: 7, route: 'top_k(k = 1)', clauses: ['shared 1 of gelu_mlp(F = 64)'],
  weights: [
    gate, 'moe.shared.up = "param.experts.7.0.weight"', 'moe.shared.up_bias = "param.experts.7.0.bias"',
    'moe.shared.down = "param.experts.7.2.weight"', 'moe.shared.down_bias = "param.experts.7.2.bias"',
  ],
}

const vlm: readonly Case[] = [
  {
    name: 'softmax, renormalised', layer: { imports: [top_k], experts: geluExperts, route: 'top_k(k = 2)', weights: [gate] },
    files: ['baselines/vlm_smoe'], expected: { routes: routed, y: 'y' },
  },
  {
    name: 'sigmoid, renormalised', layer: { imports: [sigmoid_top_k], experts: geluExperts, route: 'sigmoid_top_k(k = 2, renormalise = true)', weights: [gate] },
    files: ['baselines/vlm_smoe_sigmoidgating'], expected: { routes: { ...routed, scores: 'gate_logits' }, y: 'y' },
  },
  {
    name: 'X-MoE',
    layer: {
      imports: [cosine], experts: geluExperts, route: 'cosine(k = 2)',
      weights: ['moe.router.reduce = "param.inp_reduction.weight"', 'moe.router.embedding = "param.expert_embeddings"'],
    },
    files: ['baselines/vlm_xmoe'], expected: { routes: routed, y: 'y' },
  },
  {
    name: 'perturbed cosine',
    layer: {
      imports: [perturbed_cosine], experts: geluExperts, route: 'perturbed_cosine(k = 2)',
      weights: ['moe.router.reduce = "param.inp_reduction.weight"', 'moe.router.embedding = "param.expert_embeddings"'],
    },
    files: ['baselines/vlm_smoe_perturbed'], expected: { routes: routed, y: 'y' },
  },
  { name: 'a shared expert, averaged', layer: { ...seven, output: '0.5 * answers' }, files: ['baselines/vlm_shard_smoe'], expected: { routes: routed, y: 'y' } },
  { name: 'a shared expert, added', layer: seven, files: ['baselines/vlm_deepseekv3'], expected: { routes: routed, y: 'y' } },
]

const lmGate = 'moe.router.gate = "param.w_gate"'
const lmShared = ['moe.shared.up = "param.keys_shared"[0].T', 'moe.shared.down = "param.values_shared"[0].T']

const lm: readonly Case[] = [
  {
    name: 'softmax in a language model', layer: { imports: [top_k], experts: reluExperts, route: 'top_k(k = 2)', weights: [lmGate] },
    files: ['baselines/lm_smoe'], expected: { routes: routed, y: 'y' },
  },
  {
    name: 'sigmoid in a language model', layer: { imports: [sigmoid_top_k], experts: reluExperts, route: 'sigmoid_top_k(k = 2, renormalise = true)', weights: [lmGate] },
    files: ['baselines/lm_smoe_sigmoid'], expected: { y: 'y' },
  },
  {
    name: 'X-MoE in a language model',
    layer: {
      imports: [cosine], experts: reluExperts, route: 'cosine(k = 2)',
      weights: ['moe.router.reduce = "param.expert_sel"', 'moe.router.embedding = "param.expert_embeddings"'],
    },
    files: ['baselines/lm_xmoe'], expected: { y: 'y' },
  },
  {
    name: 'perturbed cosine in a language model',
    layer: {
      imports: [perturbed_cosine], experts: reluExperts, route: 'perturbed_cosine(k = 2)',
      weights: ['moe.router.reduce = "param.expert_sel"', 'moe.router.embedding = "param.expert_embeddings"'],
    },
    files: ['baselines/lm_smoe_perturbed'], expected: { y: 'y' },
  },
  {
    name: 'a shared expert beside softmax',
    layer: { imports: [softmax_of_top_k], experts: reluExperts, route: 'softmax_of_top_k(k = 2)', clauses: ['shared 1 of relu_mlp(F = 16, biases = false)'], weights: [lmGate, ...lmShared] },
    files: ['baselines/lm_deepseekv2'], expected: { y: 'y' },
  },
  {
    name: 'a shared expert beside sigmoid',
    layer: {
      imports: [sigmoid_top_k], experts: reluExperts, route: 'sigmoid_top_k(k = 2, renormalise = true)', clauses: ['shared 1 of relu_mlp(F = 16, biases = false)'],
      weights: [lmGate, ...lmShared],
    },
    files: ['baselines/lm_deepseekv3'], expected: { y: 'y' },
  },
]

const echo: Experts = { imports: '{ stable } from "std/policies/stable"', call: 'echo()', weights: [] }
const gateOnly = { experts: echo, axes: 'T', declarations: '\nexpert echo(x: f32[T, D]) -> f32[T, D] {\n  return x\n}\n' }
const v1Routes = { selected: 'topk_idx', weights: 'gate_score', scores: 'gate' }

const v1: readonly Case[] = [
  {
    name: 'the gate of softmax',
    layer: {
      ...gateOnly, imports: [softmax_of_top_k], route: 'softmax_of_top_k(k = 2, biases = true)',
      weights: [gate, 'moe.router.gate_bias = "param.gate.bias"'],
    },
    files: ['baselines/v1_SMoE'], expected: { routes: v1Routes },
  },
  {
    name: 'the gate of X-MoE',
    layer: {
      ...gateOnly, imports: [cosine], route: 'cosine(k = 2, width = 8, radius = 1.0, unit = false, normalise = "scores")',
      weights: ['moe.router.reduce = "param.inp_reduction.weight"', 'moe.router.embedding = "param.expert_embeddings"'],
    },
    files: ['baselines/v1_XMoE'], expected: { routes: v1Routes },
  },
  {
    name: 'the gate of StableMoE', layer: { ...gateOnly, route: 'stable(k = 2)', weights: ['moe.router.embedding = "param.expert_embeddings"'] },
    files: ['baselines/v1_StableMoE'], expected: { routes: v1Routes },
  },
]

const contest: readonly Case[] = [
  {
    name: 'what CompeteSMoE does at inference', layer: { imports: [top_k], experts: geluExperts, route: 'top_k(k = 2)', weights: [gate] },
    files: ['competesmoe/vlm_router_hybrid'], expected: { routes: { ...routed, selected: 'gate_topk_idx', weights: 'gate_topk_weight' }, y: 'y' },
  },
  {
    name: 'what CompeteSMoE does at inference in a language model', layer: { imports: [top_k], experts: reluExperts, route: 'top_k(k = 2)', weights: [lmGate] },
    files: ['competesmoe/lm_competesmoe_router'], expected: { routes: routed, y: 'y' },
  },
]

export const cases: readonly Case[] = [...vlm, ...lm, ...v1, ...contest]
