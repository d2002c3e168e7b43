/** The gradients of fused attention, from the log-sum-exp of its scores. */
import type { Node } from '../../graph/node.ts'
import type { AttentionParams } from '../../graph/vocabulary.ts'
import { optionalOperands } from '../../ops/attention.ts'
import type { AttentionGradientOp } from '../../ops/attention-gradient.ts'
import { NONE } from '../../ops/build.ts'
import type { Maker } from '../../ops/maker.ts'
import { refused, rule, type GradientRules } from '../rule.ts'

/** d sink = -(share of the sink) * delta, summed over the rows of a head. */
function sinkGradient(make: Maker, sinks: Node, lse: Node, delta: Node): Node {
  const share = make('exp', [make.subtract(make.broadcast(sinks, lse.shape, [2, 3]), lse)], NONE)
  const rows = make('sum', [make.multiply(share, delta)], { axis: 1 })
  return make.negate(make('sum', [rows], { axis: 0 }))
}

const once = refused('second derivatives of attention are not supported')

export const attentions: GradientRules<'attention' | 'attention_lse' | AttentionGradientOp> = {
  attention: rule('attention_query_gradient, attention_key_gradient, attention_value_gradient', (make, node, dy) => {
    const [query, key, value, ...rest] = node.inputs
    const params: AttentionParams = node.params
    const { mask, sinks } = optionalOperands(rest)
    const lse = make('attention_lse', [query, key, ...rest], params)
    const delta = make('sum', [make.multiply(dy, node)], { axis: 4 })
    const operands = [query, key, value, dy, lse, delta, ...(mask === null ? [] : [mask])]
    return [
      make('attention_query_gradient', operands, params),
      make('attention_key_gradient', operands, params),
      make('attention_value_gradient', operands, params),
      ...(mask === null ? [] : [null]),
      ...(sinks === null ? [] : [sinkGradient(make, sinks, lse, delta)]),
    ]
  }),
  attention_lse: once,
  attention_query_gradient: once,
  attention_key_gradient: once,
  attention_value_gradient: once,
}
