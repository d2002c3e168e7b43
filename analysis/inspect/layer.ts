/** What is known of a routed layer of a checkpoint. */
import type { Collapse, RandomRows, RouterVerdict } from '../../runtime/routing/collapse.ts'
import type { LoadCollapse } from '../../runtime/routing/load-collapse.ts'
import type { RoutingChange } from '../eval/layers.ts'
import type { Similarity } from './similarity.ts'
import type { RankVerdict } from './spectrum.ts'

/** A weight of the router with a row for each expert. */
export interface RouterRows extends Collapse {
  readonly weight: string
  readonly random: RandomRows
  readonly verdict: RouterVerdict
  /** Of each row, [E]. */
  readonly norms: readonly number[]
}

/** The singular values of one matrix of one expert. */
export interface Spectrum {
  readonly weight: string
  readonly expert: number
  readonly rows: number
  readonly columns: number
  /** The largest ones, at most 8, descending. */
  readonly top: readonly number[]
  /** All of them over the largest, at 33 places from the first to the last. */
  readonly curve: readonly number[]
  /** exp of the entropy of their shares; null for zeros. */
  readonly effectiveRank: number | null
  /** That of a matrix of independent random numbers. */
  readonly random: number
  readonly verdict: RankVerdict
}

/** What the router did with tokens. */
export interface LayerTokens {
  readonly tokens: number
  /** Assignments of each expert, [E]. */
  readonly load: readonly number[]
  readonly dropped: number
  readonly cv: number | null
  readonly maxVio: number | null
  /** Of the load, over its largest value. */
  readonly entropy: number | null
  readonly dead: readonly number[]
  readonly collapse: LoadCollapse
  /** Mean cosine between the outputs of a token's experts; null where no token has two. */
  readonly outputSimilarity: number | null
}

/** How the layer differs from that of the other checkpoint. */
export interface LayerDifference {
  /** |a - b| / |a| of the matrices of each expert, [E]. */
  readonly experts: readonly number[]
  /** Of each weight of the router: the same of the whole, and the angle of each row in degrees, null for a row of zeros. */
  readonly routers: readonly {
    readonly weight: string
    readonly relative: number
    readonly angles: readonly (number | null)[]
  }[]
  /** On the tokens: what the other's router did, and how many choices are others; null without tokens. */
  readonly tokens: LayerTokens | null
  readonly change: RoutingChange | null
}

export interface LayerWeights {
  /** `layers.0.moe` */
  readonly layer: string
  readonly experts: number
  readonly routers: readonly RouterRows[]
  /** The norm of all matrices of each expert, [E]. */
  readonly norms: readonly number[]
  readonly similarity: Similarity
  readonly spectra: readonly Spectrum[]
}

export interface LayerInspection extends LayerWeights {
  /** Null without tokens. */
  readonly tokens: LayerTokens | null
  /** Null without another checkpoint, and where it has no such layer. */
  readonly difference: LayerDifference | null
}
