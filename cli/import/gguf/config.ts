/** The metadata of a GGUF file as the config that its architecture has on the hub. */
import { listed, quoted } from '../../../runtime/checkpoint/quote.ts'
import type { GgufFile } from '../../../runtime/checkpoint/gguf/open.ts'
import type { Config, GgufArchitecture } from './architecture.ts'
import { ggufArchitecture, ggufArchitectures } from './architectures/table.ts'
import { metadataOf, type Metadata } from './metadata.ts'
import { FREQUENCY_FACTORS, ropeFields, type RopeOfFile } from './rope.ts'

export type GgufConfig =
  | {
      readonly kind: 'config'
      readonly config: Config
      readonly architecture: GgufArchitecture
      /** Whether the logits do not depend on a tensor. */
      readonly isIgnorable: (tensor: string) => boolean
    }
  /** Reasons against the import, one sentence each. */
  | { readonly kind: 'unsupported'; readonly problems: readonly string[] }

const EMBEDDING = 'token_embd.weight'
const HEAD = 'output.weight'

/** Keys without effect on the logits. */
const HARMLESS = ['vocab_size', 'expert_group_used_count', 'rope.scaling.finetuned']

const withoutAbsent = (config: Config): Config =>
  Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined))

/** Experts in groups are read where the architecture says so; elsewhere one group has no effect. */
function demandOneGroup(metadata: Metadata): void {
  const groups = metadata.number('expert_group_count') ?? 1
  if (groups > 1) metadata.refuse(`'${metadata.architecture}.expert_group_count' is ${groups}: one group is supported here`)
}

/** Heads of grouped queries. */
function groupedHeads(metadata: Metadata): Config {
  const [keys, values] = [metadata.number('attention.key_length'), metadata.number('attention.value_length')]
  if (keys !== values)
    metadata.refuse(
      `'${metadata.architecture}.attention.value_length' is ${values}, and the one of keys ${keys}: one for both is read`,
    )
  return {
    num_attention_heads: metadata.number('attention.head_count'),
    num_key_value_heads: metadata.number('attention.head_count_kv'),
    head_dim: keys,
  }
}

function headSize(metadata: Metadata): number | undefined {
  const [width, heads] = [metadata.number('embedding_length'), metadata.number('attention.head_count')]
  const keys = metadata.number('attention.key_length')
  return keys ?? (width === undefined || heads === undefined ? undefined : width / heads)
}

/** Blocks behind the last layer, which predict further tokens. */
const furtherBlocks = (metadata: Metadata): number => metadata.number('nextn_predict_layers') ?? 0

function layersOf(metadata: Metadata): number | undefined {
  const blocks = metadata.number('block_count')
  return blocks === undefined ? undefined : blocks - furtherBlocks(metadata)
}

function decoderFields(
  metadata: Metadata,
  factors: RopeOfFile['factors'],
  { heads, rope = {}, epsilon = 'rms_norm_eps' }: GgufArchitecture,
): Config {
  return {
    vocab_size: metadata.shapeOf(EMBEDDING)[0],
    hidden_size: metadata.number('embedding_length'),
    num_hidden_layers: layersOf(metadata),
    max_position_embeddings: metadata.number('context_length'),
    ...(epsilon === null ? {} : { [epsilon]: metadata.number('attention.layer_norm_rms_epsilon') }),
    tie_word_embeddings: !metadata.hasTensor(HEAD),
    ...(heads ?? groupedHeads)(metadata),
    ...ropeFields(metadata, { headSize: headSize(metadata), factors }, rope),
  }
}

/** Whether a tensor is of a block behind the last layer, or what the frequencies in the spec were read from. */
function isBesideLayers(metadata: Metadata): (tensor: string) => boolean {
  const [layers, blocks] = [layersOf(metadata) ?? 0, metadata.number('block_count') ?? 0]
  return (tensor) => {
    if (tensor === FREQUENCY_FACTORS) return true
    const block = /^blk\.(\d+)\./.exec(tensor)?.[1]
    return block !== undefined && Number(block) >= layers && Number(block) < blocks
  }
}

/** Frequencies of a head; more channels are refused before they are read. */
const MOST_FACTORS = 65_536

const DIGITS = [1, 2, 3, 4, 5, 6, 7, 8, 9]

/** The number of fewest digits that is this one in f32. */
const shortest = (value: number): number =>
  DIGITS.map((digits) => Number(value.toPrecision(digits))).find((near) => Math.fround(near) === value) ?? value

/** What a file divides the frequencies by; null where it has no such tensor. Throws a CheckpointError where it cannot be read. */
async function factorsOf(file: GgufFile, metadata: Metadata): Promise<readonly number[] | null> {
  const tensor = file.tensors.get(FREQUENCY_FACTORS)
  if (tensor === undefined) return null
  const { type, shape, begin, bytes } = tensor
  if (type.dtype !== 'F32' || shape.length !== 1 || shape[0] > MOST_FACTORS) {
    metadata.refuse(
      `'${FREQUENCY_FACTORS}' is ${type.name} [${listed(shape.map(String), 4)}]: it must be F32, one for each frequency`,
    )
    return null
  }
  const factors = [...new Float32Array((await file.source.read(begin, bytes)).slice().buffer)]
  const odd = factors.find((value) => !Number.isFinite(value) || value <= 0)
  if (odd !== undefined) metadata.refuse(`'${FREQUENCY_FACTORS}' has ${odd}: frequencies are divided by numbers above 0`)
  return odd === undefined ? factors.map(shortest) : null
}

/**
 * The config of a GGUF file, or all that stands against it: every key of its architecture is read or refused. Throws a
 * CheckpointError where the file cannot be read.
 */
export async function configOfGguf(file: GgufFile): Promise<GgufConfig> {
  const metadata = metadataOf(file)
  const architecture = ggufArchitecture(metadata.architecture)
  if (architecture === undefined) {
    const known = `read are ${ggufArchitectures.join(', ')}`
    const unknown = `the architecture ${quoted(metadata.architecture)} of a GGUF file is not supported (${known})`
    return { kind: 'unsupported', problems: metadata.problems.length > 0 ? metadata.problems : [unknown] }
  }
  const config = withoutAbsent({
    model_type: architecture.type(metadata),
    ...decoderFields(metadata, await factorsOf(file, metadata), architecture),
    ...architecture.fields(metadata),
  })
  if (architecture.hasGroups !== true) demandOneGroup(metadata)
  metadata.skip(...HARMLESS)
  const unread = metadata.unread()
  if (unread.length > 0) metadata.refuse(`keys that nothing reads: ${listed(unread)}`)
  return metadata.problems.length > 0
    ? { kind: 'unsupported', problems: metadata.problems }
    : { kind: 'config', config, architecture, isIgnorable: isBesideLayers(metadata) }
}
