/** Ops that read by index: the way back adds up what was read from one place. */
import { product } from '../../../plan/dim.ts'
import { NONE } from '../../ops/build.ts'
import { none, rule, type GradientRules } from '../rule.ts'

export const indexed: GradientRules<'take' | 'pick' | 'top_k'> = {
  take: rule('dtable[i] = sum of dy over the places that read row i', (tape, { inputs: [table, ids] }, dy) => {
    const [size, ...rest] = table.shape
    const rows = product(ids.shape)
    return [tape.make('segment_sum', [tape.reshape(dy, [rows, ...rest]), tape.reshape(ids, [rows])], { size }), null]
  }),
  pick: rule('dx[..., i] = sum of dy[..., j] over the j with ids[..., j] = i', (tape, { inputs: [x, ids] }, dy) => {
    const rank = x.shape.length
    const leading = x.shape.slice(0, -1).map((_, axis) => axis)
    const wide = [...x.shape.slice(0, -1), ids.shape[rank - 1], x.shape[rank - 1]]
    const places = tape.spread(tape.make('iota', [], { size: x.shape[rank - 1] }), wide, [rank])
    const isRead = tape.make('equal', [tape.spread(ids, wide, [...leading, rank - 1]), places], NONE)
    const each = tape.where(isRead, tape.spread(dy, wide, [...leading, rank - 1]))
    return [tape.make('sum', [each], { axis: rank - 1 }), null]
  }),
  top_k: none('indices are whole numbers'),
}
