/** The settings of published checkpoints, in the layouts of their time; only what bears on the computation. */

export const published: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'Llama 2 7B': {
    architectures: ['LlamaForCausalLM'], model_type: 'llama', hidden_act: 'silu', hidden_size: 4096, intermediate_size: 11008,
    max_position_embeddings: 4096, num_attention_heads: 32, num_hidden_layers: 32, num_key_value_heads: 32, pretraining_tp: 1,
    rms_norm_eps: 1e-5, rope_scaling: null, tie_word_embeddings: false, torch_dtype: 'float16', vocab_size: 32000,
  },
  'Llama 3 8B': {
    architectures: ['LlamaForCausalLM'], model_type: 'llama', attention_bias: false, hidden_act: 'silu', hidden_size: 4096,
    intermediate_size: 14336, max_position_embeddings: 8192, num_attention_heads: 32, num_hidden_layers: 32, num_key_value_heads: 8,
    rms_norm_eps: 1e-5, rope_scaling: null, rope_theta: 500000.0, tie_word_embeddings: false, torch_dtype: 'bfloat16', vocab_size: 128256,
  },
  'Mixtral 8x7B': {
    architectures: ['MixtralForCausalLM'], model_type: 'mixtral', attention_dropout: 0.0, hidden_act: 'silu', hidden_size: 4096,
    intermediate_size: 14336, max_position_embeddings: 32768, num_attention_heads: 32, num_experts_per_tok: 2, num_hidden_layers: 32,
    num_key_value_heads: 8, num_local_experts: 8, output_router_logits: false, rms_norm_eps: 1e-5, rope_theta: 1000000.0,
    router_aux_loss_coef: 0.02, sliding_window: null, tie_word_embeddings: false, torch_dtype: 'bfloat16', vocab_size: 32000,
  },
  'OLMoE 1B-7B': {
    architectures: ['OlmoeForCausalLM'], model_type: 'olmoe', attention_bias: false, clip_qkv: null, hidden_act: 'silu', hidden_size: 2048,
    intermediate_size: 1024, max_position_embeddings: 4096, norm_topk_prob: false, num_attention_heads: 16, num_experts: 64,
    num_experts_per_tok: 8, num_hidden_layers: 16, num_key_value_heads: 16, rms_norm_eps: 1e-5, rope_scaling: null, rope_theta: 10000.0,
    router_aux_loss_coef: 0.01, tie_word_embeddings: false, torch_dtype: 'bfloat16', vocab_size: 50304,
  },
}
