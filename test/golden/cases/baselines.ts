/** Routers that others are measured against, as the released code of CompeteSMoE has them. */
import type { Case } from '../case.ts'
import { echo, echoDeclaration, gelu, keysAndValues } from '../experts.ts'
import type { Layer } from '../layers.ts'

const routed = { selected: 'topk_idx', weights: 'topk_weight', scores: 'gate_softmax' }
const gate = 'moe.router.gate = "param.gate.weight"'
const top_k = '{ top_k } from "std/policies/top_k"'
const sigmoid_top_k = '{ sigmoid_top_k } from "std/policies/sigmoid_top_k"'
const softmax_of_top_k = '{ softmax_of_top_k } from "std/policies/softmax_of_top_k"'
const cosine = '{ cosine } from "std/policies/cosine"'
const stable = '{ stable } from "std/policies/stable"'
const perturbed_cosine = '{ perturbed_cosine } from "std/policies/perturbed_cosine"'

/** The last expert of the file is the shared one. */
const seven: Layer = {
  imports: [top_k],
  experts: gelu,
  E: 7,
  route: 'top_k(k = 1)',
  clauses: ['shared 1 of gelu_mlp(F = 64)'],
  weights: [
    gate,
    'moe.shared.up = "param.experts.7.0.weight"',
    'moe.shared.up_bias = "param.experts.7.0.bias"',
    'moe.shared.down = "param.experts.7.2.weight"',
    'moe.shared.down_bias = "param.experts.7.2.bias"',
  ],
}

const vlm: readonly Case[] = [
  {
    name: 'softmax, renormalised',
    layer: { imports: [top_k], experts: gelu, route: 'top_k(k = 2)', weights: [gate] },
    files: ['baselines/vlm_smoe'],
    checks: [{ expected: { routes: routed, y: 'y' } }],
  },
  {
    name: 'sigmoid, renormalised',
    layer: { imports: [sigmoid_top_k], experts: gelu, route: 'sigmoid_top_k(k = 2, renormalise = true)', weights: [gate] },
    files: ['baselines/vlm_smoe_sigmoidgating'],
    checks: [{ expected: { routes: { ...routed, scores: 'gate_logits' }, y: 'y' } }],
  },
  {
    name: 'X-MoE',
    layer: {
      imports: [cosine],
      experts: gelu,
      route: 'cosine(k = 2)',
      weights: ['moe.router.reduce = "param.inp_reduction.weight"', 'moe.router.embedding = "param.expert_embeddings"'],
    },
    files: ['baselines/vlm_xmoe'],
    checks: [{ expected: { routes: routed, y: 'y' } }],
  },
  {
    name: 'perturbed cosine',
    layer: {
      imports: [perturbed_cosine],
      experts: gelu,
      route: 'perturbed_cosine(k = 2)',
      weights: ['moe.router.reduce = "param.inp_reduction.weight"', 'moe.router.embedding = "param.expert_embeddings"'],
    },
    files: ['baselines/vlm_smoe_perturbed'],
    checks: [{ expected: { routes: routed, y: 'y' } }],
  },
  {
    name: 'a shared expert, averaged',
    layer: { ...seven, output: '0.5 * answers' },
    files: ['baselines/vlm_shard_smoe'],
    checks: [{ expected: { routes: routed, y: 'y' } }],
  },
  {
    name: 'a shared expert, added',
    layer: seven,
    files: ['baselines/vlm_deepseekv3'],
    checks: [{ expected: { routes: routed, y: 'y' } }],
  },
]

const lmGate = 'moe.router.gate = "param.w_gate"'
const lmShared = ['moe.shared.up = "param.keys_shared"[0].T', 'moe.shared.down = "param.values_shared"[0].T']

const lm: readonly Case[] = [
  {
    name: 'softmax in a language model',
    layer: { imports: [top_k], experts: keysAndValues, route: 'top_k(k = 2)', weights: [lmGate] },
    files: ['baselines/lm_smoe'],
    checks: [{ expected: { routes: routed, y: 'y' } }],
  },
  {
    name: 'sigmoid in a language model',
    layer: {
      imports: [sigmoid_top_k],
      experts: keysAndValues,
      route: 'sigmoid_top_k(k = 2, renormalise = true)',
      weights: [lmGate],
    },
    files: ['baselines/lm_smoe_sigmoid'],
    checks: [{ expected: { y: 'y' } }],
  },
  {
    name: 'X-MoE in a language model',
    layer: {
      imports: [cosine],
      experts: keysAndValues,
      route: 'cosine(k = 2)',
      weights: ['moe.router.reduce = "param.expert_sel"', 'moe.router.embedding = "param.expert_embeddings"'],
    },
    files: ['baselines/lm_xmoe'],
    checks: [{ expected: { y: 'y' } }],
  },
  {
    name: 'perturbed cosine in a language model',
    layer: {
      imports: [perturbed_cosine],
      experts: keysAndValues,
      route: 'perturbed_cosine(k = 2)',
      weights: ['moe.router.reduce = "param.expert_sel"', 'moe.router.embedding = "param.expert_embeddings"'],
    },
    files: ['baselines/lm_smoe_perturbed'],
    checks: [{ expected: { y: 'y' } }],
  },
  {
    name: 'a shared expert beside softmax',
    layer: {
      imports: [softmax_of_top_k],
      experts: keysAndValues,
      route: 'softmax_of_top_k(k = 2)',
      clauses: ['shared 1 of relu_mlp(F = 16, biases = false)'],
      weights: [lmGate, ...lmShared],
    },
    files: ['baselines/lm_deepseekv2'],
    checks: [{ expected: { y: 'y' } }],
  },
  {
    name: 'a shared expert beside sigmoid',
    layer: {
      imports: [sigmoid_top_k],
      experts: keysAndValues,
      route: 'sigmoid_top_k(k = 2, renormalise = true)',
      clauses: ['shared 1 of relu_mlp(F = 16, biases = false)'],
      weights: [lmGate, ...lmShared],
    },
    files: ['baselines/lm_deepseekv3'],
    checks: [{ expected: { y: 'y' } }],
  },
]

const gateOnly = { experts: echo, axes: 'T', declarations: echoDeclaration }
const v1Routes = { selected: 'topk_idx', weights: 'gate_score', scores: 'gate' }

const v1: readonly Case[] = [
  {
    name: 'the gate of softmax',
    layer: {
      ...gateOnly,
      imports: [softmax_of_top_k],
      route: 'softmax_of_top_k(k = 2, biases = true)',
      weights: [gate, 'moe.router.gate_bias = "param.gate.bias"'],
    },
    files: ['baselines/v1_SMoE'],
    checks: [{ expected: { routes: v1Routes } }],
  },
  {
    name: 'the gate of X-MoE',
    layer: {
      ...gateOnly,
      imports: [cosine],
      route: 'cosine(k = 2, width = 8, radius = 1.0, unit = false, normalise = "scores")',
      weights: ['moe.router.reduce = "param.inp_reduction.weight"', 'moe.router.embedding = "param.expert_embeddings"'],
    },
    files: ['baselines/v1_XMoE'],
    checks: [{ expected: { routes: v1Routes } }],
  },
  {
    name: 'the gate of StableMoE',
    layer: {
      ...gateOnly,
      imports: [stable],
      route: 'stable(k = 2)',
      weights: ['moe.router.embedding = "param.expert_embeddings"'],
    },
    files: ['baselines/v1_StableMoE'],
    checks: [{ expected: { routes: v1Routes } }],
  },
]

export const baselines: readonly Case[] = [...vlm, ...lm, ...v1]
