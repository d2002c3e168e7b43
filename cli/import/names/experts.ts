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
