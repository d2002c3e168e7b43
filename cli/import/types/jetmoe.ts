/** JetMoE: experts in attention and in the networks, each with a bias after the sum. */
import { mixtureOfAttention } from '../attention/mixture.ts'
import { decoderRow } from '../decoder/decoder.ts'
import { rmsNorm } from '../decoder/norm.ts'
import { routed } from '../experts/routed.ts'
import { JETMOE_EXPERTS } from '../names/experts.ts'
import { softmaxOfTopK } from '../routers/top-k.ts'

export const jetmoe = decoderRow({
  type: 'jetmoe',
  architecture: 'JetMoeForCausalLM',
  doc: 'JetMoE: mixtures of attention heads and of networks. Shen et al., 2024, arXiv:2404.07413.',
  defaults: { rope_theta: 10_000, tie_word_embeddings: true },
  aliases: { head_dim: 'kv_channels' },
  unused: ['aux_loss_coef'],
  parts: {
    norm: rmsNorm(1e-6),
    lastNorm: rmsNorm(),
    attention: mixtureOfAttention,
    feedForward: routed({
      count: 'num_local_experts',
      width: 'intermediate_size',
      names: JETMOE_EXPERTS,
      activation: 'activation_function',
      router: softmaxOfTopK('mlp.router.layer.weight'),
      bias: 'mlp.bias',
    }),
  },
})
