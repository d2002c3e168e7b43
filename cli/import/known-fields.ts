/** Config fields that no importer reads: those without effect on the logits, and those with an effect in other architectures. */
import type { Fields } from './fields.ts'

/** Metadata and settings of training, generation and execution: the logits do not depend on them. */
const HARMLESS: ReadonlySet<string> = new Set([
  'architectures',
  'model_type',
  'dtype',
  'torch_dtype',
  'transformers_version',
  'name_or_path',
  'tokenizer_class',
  'prefix',
  'finetuning_task',
  'id2label',
  'label2id',
  'num_labels',
  'problem_type',
  'task_specific_params',
  'max_position_embeddings',
  'original_max_position_embeddings',
  'initializer_range',
  'pretraining_tp',
  'attention_dropout',
  'hidden_dropout',
  'attn_pdrop',
  'embd_pdrop',
  'resid_pdrop',
  'classifier_dropout',
  'router_aux_loss_coef',
  'router_z_loss_coef',
  'router_jitter_noise',
  'output_router_logits',
  'use_cache',
  'output_attentions',
  'output_hidden_states',
  'return_dict',
  'use_return_dict',
  'torchscript',
  'use_bfloat16',
  'tf_legacy_loss',
  'chunk_size_feed_forward',
  'attn_implementation',
  'experts_implementation',
  'is_decoder',
  'remove_invalid_values',
  'keys_to_ignore_at_inference',
  'tie_encoder_decoder',
  'max_sequence_length',
  'num_logits_to_keep',
  'unsloth_version',
  // generation
  'max_length',
  'min_length',
  'max_new_tokens',
  'do_sample',
  'early_stopping',
  'num_beams',
  'num_beam_groups',
  'diversity_penalty',
  'temperature',
  'top_k',
  'top_p',
  'typical_p',
  'repetition_penalty',
  'length_penalty',
  'no_repeat_ngram_size',
  'encoder_no_repeat_ngram_size',
  'bad_words_ids',
  'num_return_sequences',
  'output_scores',
  'return_dict_in_generate',
  'forced_bos_token_id',
  'forced_eos_token_id',
  'exponential_decay_length_penalty',
  'suppress_tokens',
  'begin_suppress_tokens',
])

/** Whether no model's logits depend on a field. */
export const isHarmlessField = (name: string): boolean => HARMLESS.has(name) || name.startsWith('_') || name.endsWith('_token_id')

type Plain = string | number | boolean

/**
 * Fields that affect the forward pass in other architectures -> the values without effect. An empty list or
 * object never has an effect.
 */
const NEUTRAL: Readonly<Record<string, readonly Plain[]>> = {
  per_layer_config: [],
  sliding_window: [],
  use_sliding_window: [false],
  max_window_layers: [],
  attention_chunk_size: [],
  no_rope_layers: [],
  use_bidirectional_attention: [false],
  bidirectional: [false],
  add_cross_attention: [false],
  is_encoder_decoder: [false],
  is_prefix_lm: [false],
  alibi: [false],
  parallel_attn: [false],
  parallel_block: [false],
  parallel_block_tied_norm: [false],
  prenorm: [false],
  use_rms_norm: [false],
  add_pooling_layer: [false],
  scale_attn_weights: [true],
  scale_attn_by_inverse_layer_idx: [false],
  use_parallel_residual: [false],
  attention_sink_size: [],
  attention_sinks: [false],
  attention_bias: [false],
  mlp_bias: [false],
  qkv_bias: [false],
  use_bias: [false],
  use_qkv_bias: [false],
  lm_head_bias: [false],
  clip_qkv: [],
  qk_norm: [false],
  use_qk_norm: [false],
  qk_layernorm: [false],
  query_pre_attn_scalar: [],
  attention_multiplier: [],
  attn_scale: [],
  embedding_multiplier: [1],
  residual_multiplier: [1],
  logits_scaling: [1],
  logit_scale: [1],
  scale_emb: [1],
  scale_depth: [],
  dim_model_base: [],
  attn_logit_softcapping: [],
  final_logit_softcapping: [],
  logit_softcap: [],
  mup_scale: [1],
  rotary_dim: [],
  rotary_pct: [1],
  rotary_emb_fraction: [1],
  rotary_emb_interleaved: [false],
  rotary_emb_scale_base: [],
  rotary_scaling_factor: [],
  rope_interleave: [false],
  rope_interleaved: [false],
  rope_local_base_freq: [],
  rope_traditional: [false],
  position_embedding_type: ['rope', 'rotary', 'absolute'],
  layer_norm_epsilon: [],
  layer_norm_eps: [],
  norm_type: ['rms_norm', 'rmsnorm'],
  num_experts: [],
  num_local_experts: [],
  n_routed_experts: [],
  moe_intermediate_size: [],
  n_shared_experts: [0],
  num_shared_experts: [0],
  shared_expert_intermediate_size: [0],
  shared_intermediate_size: [0],
  first_k_dense_replace: [0],
  num_dense_layers: [0],
  mlp_only_layers: [],
  decoder_sparse_step: [1],
  moe_layer_freq: [1],
  norm_topk_prob: [],
  routed_scaling_factor: [1],
  scoring_func: ['softmax'],
  topk_method: ['greedy'],
  n_group: [1],
  topk_group: [1],
  expert_selection_fn: ['softmax'],
  expert_choice_router: [false],
  ffn_div: [1],
  moe_topk: [],
  num_kv_shared_layers: [0],
  hidden_size_per_layer_input: [0],
  pruned_heads: [],
  compression_config: [],
  adapter_config: [],
}

/** Whether a field affects the forward pass of some model. */
export const hasEffectElsewhere = (name: string): boolean => Object.hasOwn(NEUTRAL, name)

const isEmpty = (value: unknown): boolean => typeof value === 'object' && value !== null && Object.keys(value).length === 0

/** Why a field that nothing read says nothing; null where that is not known. */
function reasonOf(name: string, value: unknown): string | null {
  if (isHarmlessField(name)) return 'nothing: the logits do not depend on it'
  if (!Object.hasOwn(NEUTRAL, name)) return null
  const isNeutral = isEmpty(value) || NEUTRAL[name].some((neutral) => neutral === value)
  return isNeutral ? 'nothing: it has no effect at this value' : null
}

/**
 * Refuses unread fields that would change the computation, and notes unknown fields. Returns what each unread field became.
 */
export function checkOthers(fields: Fields): Readonly<Record<string, string>> {
  const became: Record<string, string> = {}
  const unknown: string[] = []
  for (const name of fields.unread()) {
    const reason = reasonOf(name, fields.raw(name))
    if (reason !== null) became[name] = reason
    else if (Object.hasOwn(NEUTRAL, name)) fields.refuseValue(name, 'this architecture does not support it')
    else {
      unknown.push(name)
      became[name] = 'nothing: it is unknown, and ignored'
    }
  }
  if (unknown.length > 0) fields.noteUnknown(unknown)
  return became
}
