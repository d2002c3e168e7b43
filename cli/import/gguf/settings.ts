/** How a model lies in GGUF files, apart from the names of its tensors. */

/** Where a norm stands in a layer: before a sublayer, or after it. */
export type NormPlace = 'before' | 'after'

/** Channels of a head that are rotated together: channel j and the one half a head on, or two that are adjacent. */
export type RotatedPairs = 'half-split' | 'interleaved'

export interface GgufSettings {
  /** Interleaved where rows of queries and keys are in another order than on the hub, or the model rotates adjacent channels. */
  readonly rotates: RotatedPairs
  readonly norms: NormPlace
  /** Names that the format has, without the layer, to those of this architecture, which may be slices. */
  readonly names?: Readonly<Record<string, string>>
}
