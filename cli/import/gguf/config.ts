/** The metadata of a GGUF file as the config that its architecture has on the hub. */
import { listed, quoted } from '../../../runtime/checkpoint/quote.ts'
import type { GgufFile } from '../../../runtime/checkpoint/gguf/open.ts'
import { ggufArchitecture, ggufArchitectures, type Config, type GgufArchitecture } from './architectures.ts'
import { metadataOf, type Metadata } from './metadata.ts'

export type GgufConfig =
  | { readonly kind: 'config'; readonly config: Config; readonly architecture: GgufArchitecture }
  /** Reasons against the import, one sentence each. */
  | { readonly kind: 'unsupported'; readonly problems: readonly string[] }

const EMBEDDING = 'token_embd.weight'
const HEAD = 'output.weight'

/** Keys without effect on the logits. */
const HARMLESS = ['context_length', 'vocab_size', 'expert_group_count', 'expert_group_used_count', 'rope.scaling.finetuned']

const withoutAbsent = (config: Config): Config =>
  Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined))

function ropeFields(metadata: Metadata, headSize: number | undefined): Config {
  const rotated = metadata.number('rope.dimension_count')
  if (rotated !== undefined && headSize !== undefined && rotated !== headSize)
    metadata.refuse(
      `'${metadata.architecture}.rope.dimension_count' is ${rotated} of ${headSize}: only heads rotated in full are read`,
    )
  const kind = metadata.text('rope.scaling.type') ?? 'none'
  const factor = metadata.number('rope.scaling.factor')
  const theta = { rope_theta: metadata.number('rope.freq_base') ?? 10_000 }
  if (kind === 'none') {
    metadata.skip('rope.scaling.original_context_length')
    return { rope_parameters: { rope_type: 'default', ...theta } }
  }
  if (kind === 'linear') {
    metadata.skip('rope.scaling.original_context_length')
    return { rope_parameters: { rope_type: 'linear', factor, ...theta } }
  }
  metadata.refuse(`'${metadata.architecture}.rope.scaling.type' is '${kind}': none and linear are read`)
  return {}
}

/** Experts in groups are read where the architecture says so; elsewhere one group has no effect. */
function demandOneGroup(metadata: Metadata): void {
  const groups = metadata.number('expert_group_count') ?? 1
  if (groups > 1) metadata.refuse(`'${metadata.architecture}.expert_group_count' is ${groups}: one group is supported here`)
}

function decoderFields(metadata: Metadata): Config {
  const [width, heads] = [metadata.number('embedding_length'), metadata.number('attention.head_count')]
  const [keys, values] = [metadata.number('attention.key_length'), metadata.number('attention.value_length')]
  if (keys !== values)
    metadata.refuse(
      `'${metadata.architecture}.attention.value_length' is ${values}, and the one of keys ${keys}: one for both is read`,
    )
  const size = keys ?? (width === undefined || heads === undefined ? undefined : width / heads)
  return {
    vocab_size: metadata.shapeOf(EMBEDDING)[0],
    hidden_size: width,
    num_hidden_layers: metadata.number('block_count'),
    num_attention_heads: heads,
    num_key_value_heads: metadata.number('attention.head_count_kv'),
    head_dim: keys,
    rms_norm_eps: metadata.number('attention.layer_norm_rms_epsilon'),
    tie_word_embeddings: !metadata.hasTensor(HEAD),
    ...ropeFields(metadata, size),
  }
}

/** The config of a GGUF file, or all that stands against it: every key of its architecture is read or refused. */
export function configOfGguf(file: GgufFile): GgufConfig {
  const metadata = metadataOf(file)
  const architecture = ggufArchitecture(metadata.architecture)
  if (architecture === undefined) {
    const known = `read are ${ggufArchitectures.join(', ')}`
    const unknown = `the architecture ${quoted(metadata.architecture)} of a GGUF file is not supported (${known})`
    return { kind: 'unsupported', problems: metadata.problems.length > 0 ? metadata.problems : [unknown] }
  }
  const config = withoutAbsent({
    model_type: architecture.type(metadata),
    ...decoderFields(metadata),
    ...architecture.fields(metadata),
  })
  demandOneGroup(metadata)
  metadata.skip(...HARMLESS)
  const unread = metadata.unread()
  if (unread.length > 0) metadata.refuse(`keys that nothing reads: ${listed(unread)}`)
  return metadata.problems.length > 0
    ? { kind: 'unsupported', problems: metadata.problems }
    : { kind: 'config', config, architecture }
}
