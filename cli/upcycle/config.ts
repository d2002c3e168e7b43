/** Configs of architectures with experts whose other layers are those of a dense one. */
import { setAt, type ChangedConfig } from '../export/config.ts'
import { rowOf } from '../import/table.ts'
import type { Sparse } from './rewrite.ts'

interface Counterpart {
  readonly type: string
  readonly experts: string
  readonly topK: string
  /** The width inside of an expert. */
  readonly width: string
  readonly set: Readonly<Record<string, unknown>>
  /** Fields of the dense architecture alone. */
  readonly dropped: readonly string[]
}

const MIXTRAL: Counterpart = {
  type: 'mixtral',
  experts: 'num_local_experts',
  topK: 'num_experts_per_tok',
  width: 'intermediate_size',
  set: {},
  dropped: ['attention_bias', 'mlp_bias', 'pretraining_tp'],
}

/** Dense architecture -> the one with experts. */
const COUNTERPARTS: Readonly<Record<string, Counterpart>> = {
  llama: MIXTRAL,
  mistral: MIXTRAL,
  qwen3: {
    type: 'qwen3_moe',
    experts: 'num_experts',
    topK: 'num_experts_per_tok',
    width: 'moe_intermediate_size',
    set: { norm_topk_prob: true, decoder_sparse_step: 1, mlp_only_layers: [] },
    dropped: ['layer_types', 'max_window_layers'],
  },
}

/** The rotation's base is a field of `rope_parameters` where that is there. */
const INSIDE: Readonly<Record<string, string>> = { rope_theta: 'rope_parameters' }

export interface SparseConfig {
  readonly type: string
  readonly changed: ChangedConfig
}

/**
 * The config of the architecture with experts, with every default of the dense one that is another there; null where the table
 * has no such architecture. Whether it says what the spec computes is for the caller to compare.
 */
export function sparseConfig(changed: ChangedConfig, dense: string, sparse: Sparse): SparseConfig | null {
  if (!Object.hasOwn(COUNTERPARTS, dense)) return null
  const { type, experts, topK, width, set, dropped } = COUNTERPARTS[dense]
  const { config } = changed
  const [own, other] = [rowOf(dense)!, rowOf(type)!]
  const isThere = (name: string): boolean =>
    Object.hasOwn(config, name) || (Object.hasOwn(INSIDE, name) && Object.hasOwn(config, INSIDE[name]))
  const defaults = Object.entries(own.defaults).filter(([name]) => Object.hasOwn(other.defaults, name) && !isThere(name))
  const fields: readonly (readonly [string, unknown])[] = [
    ...dropped.filter((name) => Object.hasOwn(config, name)).map((name) => [name, undefined] as const),
    ...defaults,
    ...Object.entries(set),
    ['model_type', type],
    ['architectures', [other.architecture]],
    [experts, sparse.experts],
    [topK, sparse.topK],
    [width, Number(config.intermediate_size) / sparse.granularity],
  ]
  return { type, changed: fields.reduce((made, [name, value]) => setAt(made, [name], value), changed) }
}
