/** The rotary embedding of a GGUF file as the fields of a config. */
import type { Config, RopeOptions } from './architecture.ts'
import type { Metadata } from './metadata.ts'

/** Tensors that divide the frequencies of the rotary embedding. */
const FREQUENCY_FACTORS = ['rope_freqs.weight', 'rope_factors_long.weight', 'rope_factors_short.weight']

function refuseFactors(metadata: Metadata): void {
  for (const name of FREQUENCY_FACTORS.filter(metadata.hasTensor))
    metadata.refuse(`'${name}' scales the frequencies of the rotary embedding: a table of factors is not supported`)
}

/** Factors that YaRN has in these files and not in configs: each is 1. */
function demandOne(metadata: Metadata, keys: readonly string[]): void {
  for (const key of keys) {
    const value = metadata.number(key) ?? 1
    if (value !== 1) metadata.refuse(`'${metadata.architecture}.${key}' is ${value}: only 1 is supported`)
  }
}

/** What a file has in the place of `mscale_all_dim` is a tenth of it. */
const LOG_FACTOR = 0.1

function logFactor(metadata: Metadata): Config {
  const key = 'rope.scaling.yarn_log_multiplier'
  const value = metadata.number(key)
  if (value === undefined) metadata.refuse(`'${metadata.architecture}.${key}' is missing: it says how YaRN scales the scores`)
  const mscale = Math.fround((value ?? LOG_FACTOR) / LOG_FACTOR)
  return { mscale, mscale_all_dim: mscale }
}

function yarn(metadata: Metadata, { truncate, hasLogFactor = false }: RopeOptions): Config {
  demandOne(metadata, ['rope.scaling.yarn_ext_factor', 'rope.scaling.yarn_attn_factor'])
  const [fast, slow] = [metadata.number('rope.scaling.yarn_beta_fast'), metadata.number('rope.scaling.yarn_beta_slow')]
  return {
    rope_type: 'yarn',
    factor: metadata.number('rope.scaling.factor'),
    original_max_position_embeddings: metadata.number('rope.scaling.original_context_length'),
    ...(fast === undefined ? {} : { beta_fast: fast }),
    ...(slow === undefined ? {} : { beta_slow: slow }),
    ...(truncate === undefined ? {} : { truncate }),
    ...(hasLogFactor ? logFactor(metadata) : {}),
  }
}

const KINDS: Readonly<Record<string, (metadata: Metadata, options: RopeOptions) => Config>> = {
  none: (metadata) => {
    metadata.skip('rope.scaling.factor', 'rope.scaling.original_context_length', 'rope.scaling.yarn_log_multiplier')
    return { rope_type: 'default' }
  },
  linear: (metadata) => {
    metadata.skip('rope.scaling.original_context_length')
    return { rope_type: 'linear', factor: metadata.number('rope.scaling.factor') }
  },
  yarn,
}

function rotatedFields(metadata: Metadata, headSize: number | undefined, { rotated }: RopeOptions): Config {
  const channels = metadata.number('rope.dimension_count')
  if (channels === undefined || headSize === undefined) return {}
  if (rotated !== undefined) return rotated(channels, headSize)
  if (channels !== headSize)
    metadata.refuse(
      `'${metadata.architecture}.rope.dimension_count' is ${channels} of ${headSize}: only heads rotated in full are read`,
    )
  return {}
}

/** `headSize`: channels of a head; undefined where the file does not say. */
export function ropeFields(metadata: Metadata, headSize: number | undefined, options: RopeOptions): Config {
  refuseFactors(metadata)
  const rotated = rotatedFields(metadata, headSize, options)
  const kind = metadata.text('rope.scaling.type') ?? 'none'
  const scaling = Object.hasOwn(KINDS, kind) ? KINDS[kind](metadata, options) : null
  if (scaling === null)
    metadata.refuse(`'${metadata.architecture}.rope.scaling.type' is '${kind}': ${Object.keys(KINDS).join(', ')} are read`)
  return { ...rotated, rope_parameters: { ...scaling, rope_theta: metadata.number('rope.freq_base') ?? 10_000 } }
}
