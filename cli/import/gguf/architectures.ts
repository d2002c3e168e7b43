/**
 * The architectures of GGUF files: which `model_type` each is, and its metadata as the fields of that type's config. Keys and
 * defaults are those of llama.cpp, which reads these files.
 */
import type { Metadata } from './metadata.ts'
import type { GgufSettings } from './settings.ts'

export type Config = Readonly<Record<string, unknown>>

export interface GgufArchitecture extends GgufSettings {
  /** The row of the table of architectures. */
  readonly type: (metadata: Metadata) => string
  /** Fields beside those of every decoder. */
  readonly fields: (metadata: Metadata) => Config
}

/** Names of the fields that a config has for the experts. */
interface ExpertFields {
  readonly count: string
  readonly width?: string
}

const experts = (metadata: Metadata, { count, width }: ExpertFields): Config => ({
  [count]: metadata.number('expert_count'),
  num_experts_per_tok: metadata.number('expert_used_count'),
  ...(width === undefined ? {} : { [width]: metadata.number('expert_feed_forward_length') }),
})

/** `whether` where the file does not say. */
const renormalised = (metadata: Metadata, whether: boolean): Config => ({
  norm_topk_prob: metadata.flag('expert_weights_norm') ?? whether,
})

const hidden = (metadata: Metadata): Config => ({ intermediate_size: metadata.number('feed_forward_length') })

/** Refuses a gate or a scale of the experts' weights that the architecture does not have. */
function demandSoftmax(metadata: Metadata): void {
  const gate = metadata.number('expert_gating_func') ?? 1
  if (gate !== 1) metadata.refuse(`'${metadata.architecture}.expert_gating_func' is ${gate}: only 1, softmax, is supported here`)
  const scale = metadata.number('expert_weights_scale') ?? 1
  if (scale !== 1) metadata.refuse(`'${metadata.architecture}.expert_weights_scale' is ${scale}: only 1 is supported here`)
}

/** Tensors that divide the frequencies of the rotary embedding. */
const FREQUENCY_FACTORS = ['rope_freqs.weight', 'rope_factors_long.weight', 'rope_factors_short.weight']

function refuseFactors(metadata: Metadata): void {
  for (const name of FREQUENCY_FACTORS.filter(metadata.hasTensor))
    metadata.refuse(`'${name}' scales the frequencies of the rotary embedding: a table of factors is not supported`)
}

const llama: GgufArchitecture = {
  type: (metadata) => ((metadata.number('expert_count') ?? 0) > 0 ? 'mixtral' : 'llama'),
  rotates: 'interleaved',
  norms: 'before',
  fields: (metadata) => {
    refuseFactors(metadata)
    if ((metadata.number('expert_count') ?? 0) === 0) {
      metadata.skip('expert_used_count')
      return {
        ...hidden(metadata),
        attention_bias: metadata.hasTensor('blk.0.attn_q.bias'),
        mlp_bias: metadata.hasTensor('blk.0.ffn_gate.bias'),
      }
    }
    demandSoftmax(metadata)
    return { ...hidden(metadata), ...experts(metadata, { count: 'num_local_experts' }) }
  },
}

/** Qwen's and OLMoE's files: the order of the hub, softmax over all experts; `renormalises` where the file does not say. */
const qwenExperts = (
  type: string,
  renormalises: boolean,
  names: ExpertFields,
  others: (metadata: Metadata) => Config = () => ({}),
): GgufArchitecture => ({
  type: () => type,
  rotates: 'half-split',
  norms: 'before',
  fields: (metadata) => {
    demandSoftmax(metadata)
    return { ...hidden(metadata), ...experts(metadata, names), ...renormalised(metadata, renormalises), ...others(metadata) }
  },
})

const dense = (type: string): GgufArchitecture => ({ type: () => type, rotates: 'half-split', norms: 'before', fields: hidden })

const FINE: ExpertFields = { count: 'num_experts', width: 'moe_intermediate_size' }

/** Names as in `general.architecture`. */
const ARCHITECTURES: Readonly<Record<string, GgufArchitecture>> = {
  llama,
  qwen2: dense('qwen2'),
  qwen3: dense('qwen3'),
  qwen2moe: qwenExperts('qwen2_moe', false, FINE, (metadata) => ({
    shared_expert_intermediate_size: metadata.number('expert_shared_feed_forward_length'),
  })),
  qwen3moe: qwenExperts('qwen3_moe', true, FINE),
  olmoe: qwenExperts('olmoe', false, { count: 'num_experts' }, (metadata) => ({
    clip_qkv: metadata.number('attention.clamp_kqv') ?? null,
  })),
}

export const ggufArchitectures: readonly string[] = Object.keys(ARCHITECTURES)

export const ggufArchitecture = (name: string): GgufArchitecture | undefined =>
  Object.hasOwn(ARCHITECTURES, name) ? ARCHITECTURES[name] : undefined
