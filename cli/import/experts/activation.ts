/** The activation between the projections of a feed-forward network. */
import { cut } from '../../../runtime/checkpoint/quote.ts'
import type { Fields } from '../fields.ts'

/** Names of x * sigmoid(x). */
const SILU: readonly string[] = ['silu', 'swish']

/** Names of gelu -> whether it is the tanh approximation. */
const GELU: Readonly<Record<string, boolean>> = { gelu: false, gelu_pytorch_tanh: true }

/** Refuses every other activation. */
export function demandSilu(fields: Fields, field = 'hidden_act'): void {
  const activation = fields.text(field, 'the activation of the networks', 'silu')
  if (!SILU.includes(activation)) fields.refuse(`'${field}' is '${cut(activation)}': only 'silu' is supported`)
}

/** Whether gelu is its tanh approximation; every other activation is refused. */
export function readGelu(fields: Fields, field: string): boolean {
  const activation = fields.text(field, 'the activation of the networks')
  if (Object.hasOwn(GELU, activation)) return GELU[activation]
  fields.refuse(`'${field}' is '${cut(activation)}': supported are ${Object.keys(GELU).join(', ')}`)
  return false
}

/** Refuses every other activation than exact gelu. */
export function demandGelu(fields: Fields, field: string): void {
  if (readGelu(fields, field)) fields.refuseValue(field, "only exact 'gelu' is supported")
}
