/**
 * Names of a GGUF file's tensors by the paths of the weights that they are: the format has one name for each part of a model,
 * whatever the architecture called it. Experts of a layer are one tensor each for gates, up and down projections.
 */
import type { Weights } from '../part.ts'
import type { GgufSettings } from './settings.ts'

/** Paths outside of layers. */
const MODEL: Readonly<Record<string, string>> = {
  embed: 'token_embd.weight',
  head: 'output.weight',
  head_bias: 'output.bias',
  'final_norm.weight': 'output_norm.weight',
  'final_norm.bias': 'output_norm.bias',
}

const NORMS: Readonly<Record<GgufSettings['norms'], Readonly<Record<string, string>>>> = {
  before: { attention_norm: 'attn_norm', moe_norm: 'ffn_norm', mlp_norm: 'ffn_norm' },
  after: { attention_norm: 'post_attention_norm', moe_norm: 'post_ffw_norm', mlp_norm: 'post_ffw_norm' },
}

/** Paths in a layer, without the index of an expert. */
const LAYER: Readonly<Record<string, string>> = {
  'attention.q': 'attn_q.weight',
  'attention.k': 'attn_k.weight',
  'attention.v': 'attn_v.weight',
  'attention.o': 'attn_output.weight',
  'attention.q_bias': 'attn_q.bias',
  'attention.k_bias': 'attn_k.bias',
  'attention.v_bias': 'attn_v.bias',
  'attention.o_bias': 'attn_output.bias',
  'attention.q_norm.weight': 'attn_q_norm.weight',
  'attention.k_norm.weight': 'attn_k_norm.weight',
  'attention.sink': 'attn_sinks.weight',
  'attention.q_a': 'attn_q_a.weight',
  'attention.q_b': 'attn_q_b.weight',
  'attention.kv_a': 'attn_kv_a_mqa.weight',
  'attention.kv_norm.weight': 'attn_kv_a_norm.weight',
  'attention.kv_b': 'attn_kv_b.weight',
  'convolution.open': 'shortconv.in_proj.weight',
  'convolution.kernel': 'shortconv.conv.weight',
  'convolution.close': 'shortconv.out_proj.weight',
  'mlp.gate': 'ffn_gate.weight',
  'mlp.up': 'ffn_up.weight',
  'mlp.down': 'ffn_down.weight',
  'moe.router.gate': 'ffn_gate_inp.weight',
  'moe.router.gate_bias': 'ffn_gate_inp.bias',
  'moe.router.bias': 'exp_probs_b.bias',
  'moe.experts.gate': 'ffn_gate_exps.weight',
  'moe.experts.up': 'ffn_up_exps.weight',
  'moe.experts.down': 'ffn_down_exps.weight',
  'moe.experts.gate_bias': 'ffn_gate_exps.bias',
  'moe.experts.up_bias': 'ffn_up_exps.bias',
  'moe.experts.down_bias': 'ffn_down_exps.bias',
  'moe.shared.gate': 'ffn_gate_shexp.weight',
  'moe.shared.up': 'ffn_up_shexp.weight',
  'moe.shared.down': 'ffn_down_shexp.weight',
  'moe.shared.whole': 'ffn_gate_inp_shexp.weight',
}

const IN_LAYER = /^layers\.\{i\}\.(.*)$/

function nameOf(path: string, { norms, names = {} }: GgufSettings): string | undefined {
  const known = (name: string | undefined): string | undefined =>
    name !== undefined && Object.hasOwn(names, name) ? names[name] : name
  const inside = IN_LAYER.exec(path)?.[1]
  if (inside === undefined) return known(MODEL[path])
  const [first, ...rest] = inside.split('.')
  const norm = Object.hasOwn(NORMS[norms], first) ? `${NORMS[norms][first]}.${rest.join('.')}` : undefined
  const name = known(norm ?? LAYER[inside])
  return name === undefined ? undefined : `blk.{i}.${name}`
}

/**
 * The table of weights for a GGUF file: the paths of one that names the tensors of the hub, with the names of the format. Paths
 * that the format has no name for are the second result.
 */
export function ggufWeights(
  weights: Weights,
  settings: GgufSettings,
): { readonly weights: Weights; readonly unnamed: readonly string[] } {
  const paths = Object.keys(weights).map((path) => path.replace('.{e}.', '.'))
  const named = paths.map((path) => [path, nameOf(path, settings)] as const)
  return {
    weights: Object.fromEntries(named.flatMap(([path, name]) => (name === undefined ? [] : [[path, name]]))),
    unnamed: named.flatMap(([path, name]) => (name === undefined ? [path] : [])),
  }
}
