/** gpt-oss: learned sinks, windows in every other layer, clamped experts with biases. */
import { biasesEverywhere, groupedQueries } from '../attention/grouped.ts'
import { windowOfTypes } from '../attention/window.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { clampedExpert } from '../experts/clamped.ts'
import { routed } from '../experts/routed.ts'
import { GPT_OSS_EXPERTS, GPT_OSS_MXFP4_EXPERTS, type ExpertNames } from '../names/experts.ts'
import type { Make } from '../part.ts'
import { softmaxOfTopK } from '../routers/top-k.ts'

const MXFP4_BLOCK = 32

/** A row in MXFP4 is whole blocks. */
const experts: Make<ExpertNames> = ({ fields, quantized }) => {
  if (quantized?.method !== 'mxfp4') return GPT_OSS_EXPERTS
  for (const name of ['hidden_size', 'intermediate_size']) {
    const size = fields.raw(name)
    if (typeof size === 'number' && size % MXFP4_BLOCK !== 0)
      fields.refuseValue(name, `a row in MXFP4 is whole blocks of ${MXFP4_BLOCK} numbers`)
  }
  return GPT_OSS_MXFP4_EXPERTS
}

export const gptOss = decoderRow({
  type: 'gpt_oss',
  architecture: 'GptOssForCausalLM',
  doc: 'gpt-oss: attention with sinks and alternating windows, clamped SwiGLU experts. OpenAI, 2025, arXiv:2508.10925.',
  defaults: { rope_theta: 150_000, head_dim: 64, num_key_value_heads: 8, attention_bias: true, sliding_window: 128 },
  aliases: { num_experts: 'num_local_experts' },
  unused: ['initial_context_length', 'experts_per_token'],
  parts: {
    attention: groupedQueries({
      biases: biasesEverywhere('attention_bias'),
      window: windowOfTypes((i) => i % 2 === 0),
      sinks: 'self_attn.sinks',
      rope: {
        absent: {
          rope_type: 'yarn',
          factor: 32,
          beta_fast: 32,
          beta_slow: 1,
          truncate: false,
          original_max_position_embeddings: 4096,
        },
      },
    }),
    feedForward: routed({
      count: 'num_local_experts',
      width: 'intermediate_size',
      names: experts,
      expert: clampedExpert,
      router: softmaxOfTopK('mlp.router.weight', 'mlp.router.bias'),
    }),
  },
})
