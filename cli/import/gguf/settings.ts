/** How a model lies in GGUF files, apart from the names of its tensors. */

/** Where a norm stands in a layer: before a sublayer, or after it. */
export type NormPlace = 'before' | 'after'

/** Channels of a head that are rotated together: channel j and the one half a head on, or two neighbours. */
export type RotatedPairs = 'halves' | 'neighbours'

export interface GgufSettings {
  /** Files with neighbours have the rows of queries and keys in another order than the hub, or the model rotates neighbours anyway. */
  readonly rotates: RotatedPairs
  readonly norms: NormPlace
}
