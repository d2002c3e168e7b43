/** Names of the routed experts' tensors, relative to a layer. `F` is the width of an expert. */
import type { Weights } from '../part.ts'
import type { Layout, Names } from './source.ts'

export type ExpertNames = Readonly<Record<Layout, Weights>>

/** gate_up_proj [E, 2F, D], the rows of the gate above those of the up projection, and down_proj [E, D, F]. */
const stacked = (gateUp: string, down: string): Weights => ({
  'experts.gate': `${gateUp}[:, 0:F]`,
  'experts.up': `${gateUp}[:, F:2 * F]`,
  'experts.down': down,
})

const each = (prefix: string, gate: string, up: string, down: string): Weights => ({
  'experts.{e}.gate': `${prefix}.{e}.${gate}.weight`,
  'experts.{e}.up': `${prefix}.{e}.${up}.weight`,
  'experts.{e}.down': `${prefix}.{e}.${down}.weight`,
})

const fused = (prefix: string): Weights => stacked(`${prefix}.gate_up_proj`, `${prefix}.down_proj`)

export const QWEN_EXPERTS: ExpertNames = {
  hub: each('mlp.experts', 'gate_proj', 'up_proj', 'down_proj'),
  fused: fused('mlp.experts'),
}

export const MIXTRAL_EXPERTS: ExpertNames = {
  hub: each('block_sparse_moe.experts', 'w1', 'w3', 'w2'),
  fused: fused('mlp.experts'),
}

export const GRANITE_EXPERTS: ExpertNames = {
  hub: stacked('block_sparse_moe.input_linear.weight', 'block_sparse_moe.output_linear.weight'),
  fused: fused('block_sparse_moe.experts'),
}

export const MIXTRAL_GATE: Names = { hub: 'block_sparse_moe.gate.weight', fused: 'mlp.gate.weight' }
export const GRANITE_GATE: Names = { hub: 'block_sparse_moe.router.layer.weight', fused: 'block_sparse_moe.router.weight' }

export const LFM2_EXPERTS: ExpertNames = {
  hub: each('feed_forward.experts', 'w1', 'w3', 'w2'),
  fused: fused('feed_forward.experts'),
}

const both = (weights: Weights): ExpertNames => ({ hub: weights, fused: weights })

/** Input-major, gate and up interleaved along the last axis: gate_up_proj [E, D, 2F], down_proj [E, F, D], with biases. */
export const GPT_OSS_EXPERTS = both({
  'experts.gate': 'mlp.experts.gate_up_proj[:, :, ::2].T',
  'experts.gate_bias': 'mlp.experts.gate_up_proj_bias[:, ::2]',
  'experts.up': 'mlp.experts.gate_up_proj[:, :, 1::2].T',
  'experts.up_bias': 'mlp.experts.gate_up_proj_bias[:, 1::2]',
  'experts.down': 'mlp.experts.down_proj[:].T',
  'experts.down_bias': 'mlp.experts.down_proj_bias',
})

/**
 * In MXFP4 each row is an output: gate_up_proj [E, 2F, D], gate and up interleaved, and down_proj [E, D, F], with the biases that
 * they have otherwise.
 */
export const GPT_OSS_MXFP4_EXPERTS = both({
  'experts.gate': 'mlp.experts.gate_up_proj[:, ::2]',
  'experts.gate_bias': 'mlp.experts.gate_up_proj_bias[:, ::2]',
  'experts.up': 'mlp.experts.gate_up_proj[:, 1::2]',
  'experts.up_bias': 'mlp.experts.gate_up_proj_bias[:, 1::2]',
  'experts.down': 'mlp.experts.down_proj',
  'experts.down_bias': 'mlp.experts.down_proj_bias',
})

export const GEMMA_EXPERTS = both(fused('experts'))

export const JETMOE_EXPERTS = both(stacked('mlp.input_linear.weight', 'mlp.output_linear.weight'))

/** One tensor [E F, D] for the rows of all experts; that of the down projection is used as [F, D]. */
export const DBRX_EXPERTS = both({
  'experts.{e}.gate': 'ffn.experts.mlp.w1[e * F:(e + 1) * F]',
  'experts.{e}.up': 'ffn.experts.mlp.v1[e * F:(e + 1) * F]',
  'experts.{e}.down': 'ffn.experts.mlp.w2[e * F:(e + 1) * F].T',
})

/** One tensor [E F, D] for the rows of all experts; that of the down projection is used as [F, D]. */
export const NOMIC_EXPERTS = both({
  'experts.{e}.up': 'mlp.experts.mlp.w1[e * F:(e + 1) * F]',
  'experts.{e}.down': 'mlp.experts.mlp.w2[e * F:(e + 1) * F].T',
})

export const PHI_GATE: Names = { hub: 'block_sparse_moe.gate.weight', fused: 'mlp.router.weight' }
