/** The activation between the projections of a feed-forward network. */
import { cut } from '../../../runtime/checkpoint/quote.ts'
import type { Fields } from '../fields.ts'

/** Names of x * sigmoid(x). */
const SILU: readonly string[] = ['silu', 'swish']

/** Refuses every other activation. */
export function demandSilu(fields: Fields, field = 'hidden_act'): void {
  const activation = fields.text(field, 'the activation of the networks', 'silu')
  if (!SILU.includes(activation)) fields.refuse(`'${field}' is '${cut(activation)}': only 'silu' is supported`)
}
