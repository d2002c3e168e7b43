/** Tokens and texts after a prompt, `smoe/generation`. It does not use Node. */
import { callable, checked, object, readable } from '../plan/arguments.ts'
import { PLAN } from '../plan/forms.ts'
import { createTextModel as createTextModelUnchecked } from './text-model.ts'

export { NotFiniteLogits } from '../analysis/eval/evaluate.ts'
export type { TextModel } from './text-model.ts'
export type * from './options.ts'

/**
 * The model of a session whose plan takes tokens and gives logits: with a state (`smoe compile --context`) it evaluates each
 * token once, without one the whole text each time. Throws a StateError for another plan.
 */
export const createTextModel = checked(
  'createTextModel',
  { session: object({ plan: PLAN, run: callable, device: readable }) },
  createTextModelUnchecked,
)
