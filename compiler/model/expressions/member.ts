/** `experts.gate` in a policy: the weights of the experts it chooses among. */
import type { MemberExpression } from '../../../grammar/ast.ts'
import { complain, originOf, type Frame } from '../context/context.ts'
import { nearest } from '../context/names.ts'
import { ofTerm, UNKNOWN, type Value } from '../context/value.ts'

/** A weight of all experts, f32[E, ...]; of unknown type where the experts are not known. */
export function member(frame: Frame, { name, span }: MemberExpression): Value {
  const { policy } = frame
  if (policy === null)
    return complain(frame, {
      code: 'SMOE2012',
      message: `experts.${name.text} is only allowed in a policy`,
      span,
    })
  const { bank } = policy.experts
  if (bank === null) return UNKNOWN
  const { name: expert, steps } = bank.body
  const weights = steps.flatMap((step) => (step.kind === 'param' ? [step] : []))
  const found = weights.find((step) => step.name === name.text)
  if (found !== undefined)
    return ofTerm({
      kind: 'bank',
      weight: found.term,
      shape: [bank.count, ...found.term.shape],
      dtype: 'f32',
      origin: originOf(frame, span),
    })
  const names = weights.map((one) => one.name)
  const all = names.length === 0 ? 'it has none' : `its weights are ${names.join(', ')}`
  return complain(frame, {
    code: 'SMOE2001',
    message: `${expert} has no weight ${name.text}`,
    span: name.span,
    ...nearest(name, () => names, all),
  })
}
