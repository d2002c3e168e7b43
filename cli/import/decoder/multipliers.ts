/** Factors on parts of the forward pass. */
import type { Context, Make } from '../part.ts'

export interface Multipliers {
  readonly embedding: number
  readonly residual: number
  /** Divides the logits. */
  readonly logits: number
}

export const PLAIN: Multipliers = { embedding: 1, residual: 1, logits: 1 }

/** Granite: a factor on embeddings and on what each sublayer adds, and what divides the logits. */
export const graniteMultipliers: Make<Multipliers> = ({ fields }: Context) => ({
  embedding: fields.positive('embedding_multiplier', 'the factor on embeddings'),
  residual: fields.positive('residual_multiplier', 'the factor on what a sublayer adds'),
  logits: fields.positive('logits_scaling', 'what the logits are divided by'),
})
