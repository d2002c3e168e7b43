/** Values of the parameters and loop indices around a term. */
import { tryStatic, type Values } from '../lower/environment.ts'
import type { Loop } from '../model/model.ts'

export const inside = ({ model, values }: Values, given: Values['values']): Values => ({ model, values: { ...values, ...given } })

/** The values of the index of a loop, in order; none where a range depends on the index of a loop around it. */
export function turnsOf(values: Values, { from, to }: Loop): readonly number[] {
  const [first, end] = [from, to].map((dim) => Number(tryStatic(values, { kind: 'int', type: 'int', dim }) ?? NaN))
  return Array.from({ length: Math.max(0, end - first || 0) }, (_, turn) => first + turn)
}
