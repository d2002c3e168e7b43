/** `experts(x)` in a policy. */
import type { CallExpression } from '../../../grammar/ast.ts'
import { asTerm } from './apply.ts'
import { complain, elaborate, originOf, wordsOf, type Frame } from '../context/context.ts'
import { equalSizes } from '../static/exact.ts'
import { ofTerm, termTypeText, UNKNOWN, type Value } from '../context/value.ts'

/** `experts(x)`: the dense evaluation of all experts on all tokens, f32[T, E, D]. */
export function everyExpert(frame: Frame, { arguments: args, span }: CallExpression): Value {
  const state = frame.policy
  if (state === null)
    return complain(frame, {
      code: 'SMOE2012',
      message: 'experts(x) is only allowed in a policy',
      span,
    })
  const [argument] = args
  if (args.length !== 1 || argument.name !== null)
    return complain(frame, { code: 'SMOE3004', message: 'experts takes one argument, the tokens: experts(x)', span })
  const term = asTerm(frame, { value: elaborate(frame, argument.value), span: argument.value.span })
  if (term === null) return UNKNOWN
  if (term.dtype !== 'f32' || term.shape.length !== 2 || !equalSizes(term.shape[0], state.tokens, frame.context.quotients)) {
    return complain(frame, {
      code: 'SMOE3001',
      message: `experts take f32[T, D], but \`${wordsOf(argument.value.span)}\` is ${termTypeText(term)}`,
      span: argument.value.span,
    })
  }
  return ofTerm({
    kind: 'every-expert',
    input: term,
    shape: [state.tokens, state.experts.count, state.experts.width],
    dtype: 'f32',
    origin: originOf(frame, span),
  })
}
