/** The rotary embedding of a GGUF file as the fields of a config. */
import type { Config, RopeOptions } from './architecture.ts'
import type { Metadata } from './metadata.ts'

/** The tensor of what each frequency of the rotary embedding is divided by, as for Llama 3.1: no key says it. */
export const FREQUENCY_FACTORS = 'rope_freqs.weight'
/** Those of two kinds of sequences. */
const BY_LENGTH = ['rope_factors_long.weight', 'rope_factors_short.weight']

function refuseFactors(metadata: Metadata): void {
  for (const name of BY_LENGTH.filter(metadata.hasTensor))
    metadata.refuse(`'${name}' scales the frequencies of the rotary embedding by the length: a table of factors is not supported`)
}

/** The same factors for all lengths. */
function byFactors(metadata: Metadata, factors: readonly number[]): Config {
  const kind = metadata.text('rope.scaling.type') ?? 'none'
  if (kind !== 'none')
    metadata.refuse(
      `'${metadata.architecture}.rope.scaling.type' is '${kind}' beside '${FREQUENCY_FACTORS}': only one is supported`,
    )
  metadata.skip('rope.scaling.factor', 'rope.scaling.original_context_length')
  return {
    rope_type: 'longrope',
    short_factor: factors,
    long_factor: factors,
    factor: 1,
    attention_factor: 1,
    original_max_position_embeddings: metadata.number('context_length'),
  }
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

export interface RopeOfFile {
  /** Channels of a head; undefined where the file does not say. */
  readonly headSize: number | undefined
  /** What frequencies are divided by; null where the file has no such tensor. */
  readonly factors: readonly number[] | null
}

export function ropeFields(metadata: Metadata, { headSize, factors }: RopeOfFile, options: RopeOptions): Config {
  refuseFactors(metadata)
  const rotated = rotatedFields(metadata, headSize, options)
  const rope_theta = metadata.number('rope.freq_base') ?? 10_000
  return { ...rotated, rope_parameters: { ...scalingOf(metadata, factors, options), rope_theta } }
}

function scalingOf(metadata: Metadata, factors: readonly number[] | null, options: RopeOptions): Config | null {
  if (factors !== null) return byFactors(metadata, factors)
  const kind = metadata.text('rope.scaling.type') ?? 'none'
  const scaling = Object.hasOwn(KINDS, kind) ? KINDS[kind](metadata, options) : null
  if (scaling === null)
    metadata.refuse(`'${metadata.architecture}.rope.scaling.type' is '${kind}': ${Object.keys(KINDS).join(', ')} are read`)
  return scaling
}
