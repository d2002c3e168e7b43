/** What a row of the table of GGUF's architectures is. */
import type { Metadata } from './metadata.ts'
import type { GgufSettings } from './settings.ts'

export type Config = Readonly<Record<string, unknown>>

/** How an architecture rotates. */
export interface RopeOptions {
  /** Fields for a head of which so many channels are rotated; only whole heads where it is absent. */
  readonly rotated?: (channels: number, headSize: number) => Config
  /** Whether the bounds of YaRN's ramp are whole numbers; they are where it is absent. No key says so. */
  readonly truncate?: boolean
  /** Whether the logarithm in YaRN's magnitude has a factor of its own, which DeepSeek's files say. */
  readonly hasLogFactor?: boolean
}

export interface GgufArchitecture extends GgufSettings {
  /** The row of the table of architectures. */
  readonly type: (metadata: Metadata) => string
  /** Fields beside those of every decoder. */
  readonly fields: (metadata: Metadata) => Config
  /** Fields of the heads of the attention; those of grouped queries where it is absent. */
  readonly heads?: (metadata: Metadata) => Config
  readonly rope?: RopeOptions
  /** Whether experts may be in groups, which `fields` reads; one group is demanded elsewhere. */
  readonly hasGroups?: boolean
  /** The field of the added epsilon of the norms; null where no config has one. */
  readonly epsilon?: string | null
}
