/** Ops that read by index: the backward pass sums the gradients of all reads of one element (scatter-add). */
import { product } from '../../../plan/dim.ts'
import { NONE } from '../../ops/build.ts'
import { none, refused, rule, type GradientRules } from '../rule.ts'

export const indexed: GradientRules<'take' | 'pick' | 'top_k' | 'append'> = {
  take: rule('dtable[i] = sum of dy over the places that read row i', (make, { inputs: [table, ids] }, dy) => {
    const [size, ...rest] = table.shape
    const rows = product(ids.shape)
    return [make('segment_sum', [make.reshape(dy, [rows, ...rest]), make.reshape(ids, [rows])], { size }), null]
  }),
  pick: rule('dx[..., i] = sum of dy[..., j] over the j with ids[..., j] = i', (make, { inputs: [x, ids] }, dy) => {
    const rank = x.shape.length
    const leading = x.shape.slice(0, -1).map((_, axis) => axis)
    const wide = [...x.shape.slice(0, -1), ids.shape[rank - 1], x.shape[rank - 1]]
    const places = make.broadcast(make('iota', [], { size: x.shape[rank - 1] }), wide, [rank])
    const isRead = make('equal', [make.broadcast(ids, wide, [...leading, rank - 1]), places], NONE)
    const each = make.where(isRead, make.broadcast(dy, wide, [...leading, rank - 1]))
    return [make('sum', [each], { axis: rank - 1 }), null]
  }),
  top_k: none('indices are integers'),
  append: refused('training keeps no state between runs'),
}
