/** Factors on parts of the forward pass. */
import type { Context, Make } from '../part.ts'

export interface Multipliers {
  /** A number, or an expression of parameters. */
  readonly embedding: number | string
  readonly residual: number
  /** Divides the logits. */
  readonly logits: number
  /** Soft cap of the logits; null for none. */
  readonly cap: number | null
}

export const PLAIN: Multipliers = { embedding: 1, residual: 1, logits: 1, cap: null }

/** Granite: a factor on embeddings and on what each sublayer adds, and what divides the logits. */
export const graniteMultipliers: Make<Multipliers> = ({ fields }: Context) => ({
  embedding: fields.positive('embedding_multiplier', 'the factor on embeddings'),
  residual: fields.positive('residual_multiplier', 'the factor on what a sublayer adds'),
  logits: fields.positive('logits_scaling', 'what the logits are divided by'),
  cap: null,
})

/** Gemma: embeddings times the root of their width, and a soft cap of the logits. */
export const gemmaMultipliers: Make<Multipliers> = ({ fields }: Context) => ({
  ...PLAIN,
  embedding: 'sqrt(D)',
  cap: fields.optionalPositive('final_logit_softcapping', 'the soft cap of the logits'),
})
