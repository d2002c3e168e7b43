/** Tensors that files have beside a model and that its logits do not depend on. */
import type { Fields } from '../fields.ts'

/** Layers from `num_hidden_layers` on, which predict further tokens. */
export function beyondLayers(fields: Fields): readonly RegExp[] {
  const layers = fields.raw('num_hidden_layers')
  if (typeof layers !== 'number') return []
  // as many as a config announces follow the last layer
  const more = fields.raw('num_nextn_predict_layers')
  const count = typeof more === 'number' && Number.isSafeInteger(more) && more > 0 && more <= MOST ? more : 1
  const indices = Array.from({ length: count }, (_, i) => layers + i)
  return [new RegExp(`^model\\.layers\\.(${indices.join('|')})\\.`)]
}

const MOST = 16

/** Modules that predict further tokens, under a name of their own. */
export const furtherTokens = (): readonly RegExp[] => [/^mtp\./]
