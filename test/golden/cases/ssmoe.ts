/**
 * SSMoE on the layers of five architectures, with either rule for signs: our own, or those of LAPACK, which come with the file.
 */
import type { Case, Check } from '../case.ts'
import { gptOss, ofThePaper, quickGelu, quickGeluDeclaration, swiglu } from '../experts.ts'
import type { Layer } from '../layers.ts'

const spectral = '{ spectral } from "std/policies/spectral"'
const gate = 'moe.router.gate = "param.gate.weight"'

const canonical: Check = { expected: { routes: { selected: 'canon.topk_idx', weights: 'canon.topk_weight', scores: 'canon.P' } } }
const lapackRoutes = { selected: 'topk_idx', weights: 'topk_weight', scores: 'P' }
const lapack: Check = { held: 'W_EV', expected: { routes: lapackRoutes, y: 'y' } }

const sharedWeights = (prefix: string): readonly string[] =>
  ['gate', 'up', 'down'].map((name) => `moe.shared.${name} = "param.${prefix}.${name}_proj.weight"`)

/** Attention and norms around the layer; sequences lie along the first axis. */
const clip: Layer = {
  imports: ['{ likest } from "std/policies/spectral"'],
  experts: quickGelu,
  E: 4,
  axes: 'L, B',
  declarations: `${quickGeluDeclaration}
/// What the released code does: the memory of the last matrix cut anew into rows, which is no transpose.
policy recut(k: int in 1..E = 2, c: int = 5) {
  param gate: f32[E, D]
  once {
    let by_up = likest(svd_right(experts.up), gate, c)
    let by_down = likest(svd_right(reshape(experts.down, [E, 4 * D, D])), gate, c)
    let ev = (by_up + by_down) / 2.0
  }
  let p = softmax(x @ ev.T)
  select top k by p
  let w = pick(p, selected)
  weigh w / sum(w, keep = true)
}

/// All positions see each other.
block attention(x: f32[L, B, D], heads: int, C: int = D / heads) -> f32[L, B, D] {
  param all: f32[3 * heads * C, D]
  param all_bias: f32[3 * heads * C]
  param out: f32[D, heads * C]
  param out_bias: f32[D]
  let split = rearrange(x @ all.T + all_bias, "l b (n h c) -> n b h l c", n = 3, h = heads)
  let weights = softmax(einsum("b h l c, b h m c -> b h l m", split[0], split[1]) * (1.0 / sqrt(C)))
  return rearrange(weights @ split[2], "b h l c -> l b (h c)") @ out.T + out_bias
}
`,
  before: ['let seen = x + attention(layer_norm(x) as ln_1, heads = 4)'],
  input: 'layer_norm(seen) as ln_2',
  route: 'recut(k = 2)',
  output: 'seen + answers',
  weights: [
    gate,
    'ln_1.weight = "param.ln_1.weight"',
    'ln_1.bias = "param.ln_1.bias"',
    'ln_2.weight = "param.ln_2.weight"',
    'ln_2.bias = "param.ln_2.bias"',
    'attention.all = "param.attn.in_proj_weight"',
    'attention.all_bias = "param.attn.in_proj_bias"',
    'attention.out = "param.attn.out_proj.weight"',
    'attention.out_bias = "param.attn.out_proj.bias"',
  ],
}

const gptOssWeights = ['moe.router.gate = "param.router.weight"', 'moe.router.gate_bias = "param.router.bias"']
const gptOssRoutes = { selected: 'topk_idx', weights: 'topk_weight_norm', scores: 'P' }

export const ssmoe: readonly Case[] = [
  {
    name: 'SSMoE on OLMoE',
    files: ['ssmoe/olmoe_dff64_c0.5_k5'],
    checks: [canonical, lapack],
    layer: { imports: [spectral], experts: swiglu(64), route: 'spectral(k = 2, alpha = 0.5, c = 5)', weights: [gate] },
  },
  {
    name: 'SSMoE on OLMoE, experts narrower than tokens',
    files: ['ssmoe/olmoe_dff16_c0.9_k5_norm'],
    checks: [canonical, lapack],
    layer: {
      imports: [spectral],
      experts: swiglu(16),
      route: 'spectral(k = 2, alpha = 0.9, c = 5, renormalise = true)',
      weights: [gate],
    },
  },
  {
    name: 'SSMoE on Qwen1.5-MoE',
    files: ['ssmoe/qwen2moe_dff64_c0.5_k5'],
    checks: [canonical, lapack],
    layer: {
      imports: [spectral, '{ gated_swiglu } from "std/experts/gated_swiglu"'],
      experts: swiglu(64),
      route: 'spectral(k = 2, alpha = 0.5, c = 5)',
      clauses: ['shared 1 of gated_swiglu(F = 48)'],
      weights: [gate, ...sharedWeights('shared_expert'), 'moe.shared.whole = "param.shared_expert_gate.weight"'],
    },
  },
  {
    name: 'SSMoE on DeepSeekMoE',
    files: ['ssmoe/deepseek_dff64_c0.5_k5'],
    checks: [canonical, lapack],
    layer: {
      imports: [spectral],
      experts: swiglu(64),
      route: 'spectral(k = 2, alpha = 0.5, c = 5)',
      clauses: ['shared 1 of swiglu(F = 128)'],
      weights: [gate, ...sharedWeights('shared_experts')],
    },
  },
  {
    name: 'SSMoE on CLIP-MoE, a whole block',
    files: ['ssmoe/clip_block_c1.0_k5'],
    layer: clip,
    checks: [
      canonical,
      lapack,
      {
        held: 'transposed_variant.W_EV',
        expected: {
          routes: {
            selected: 'transposed_variant.topk_idx',
            weights: 'transposed_variant.topk_weight',
            scores: 'transposed_variant.P',
          },
        },
      },
    ],
  },
  {
    name: 'SSMoE on gpt-oss, weights renormalised',
    files: ['ssmoe/gptoss_inferred'],
    checks: [
      { expected: { routes: gptOssRoutes, y: 'y_ssmoe_norm' } },
      { held: 'canon.W_EV', expected: { routes: gptOssRoutes, y: 'y_ssmoe_norm' } },
    ],
    layer: {
      imports: [spectral],
      experts: gptOss,
      route: 'spectral(k = 4, alpha = 0.5, c = 5, renormalise = true, biases = true)',
      weights: gptOssWeights,
    },
  },
  {
    name: 'SSMoE on gpt-oss, weights as they are',
    files: ['ssmoe/gptoss_inferred'],
    checks: [{ expected: { y: 'y_ssmoe_nonorm' } }],
    layer: {
      imports: [spectral],
      experts: gptOss,
      route: 'spectral(k = 4, alpha = 0.5, c = 5, biases = true)',
      weights: gptOssWeights,
    },
  },
  {
    name: 'gpt-oss as it was',
    files: ['ssmoe/gptoss_inferred'],
    checks: [
      {
        expected: {
          routes: { selected: 'orig_topk_idx', weights: 'orig_topk_weight', scores: 'router_logits' },
          y: 'y_original',
        },
      },
    ],
    layer: {
      imports: ['{ softmax_of_top_k } from "std/policies/softmax_of_top_k"'],
      experts: gptOss,
      route: 'softmax_of_top_k(k = 4, biases = true)',
      weights: gptOssWeights,
    },
  },
  {
    name: "the paper's Algorithm 1",
    files: ['ssmoe/paper_algorithm1_gram_canon'],
    checks: [{ expected: { routes: lapackRoutes, y: 'y' } }],
    layer: {
      imports: ['{ spectral_pair } from "std/policies/spectral"'],
      experts: ofThePaper,
      axes: 'T',
      route: 'spectral_pair(k = 2, alpha = 0.9, c = 5)',
      weights: ['moe.router.gate = "r"'],
    },
  },
]
