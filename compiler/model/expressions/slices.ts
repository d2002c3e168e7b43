/** `x[:, 0:64, ::2]`: starts and ends count from 0, negative ones from the end. */
import type { IndexExpression, SliceNode } from '../../../grammar/ast.ts'
import { add, constantValue, ONE, subtract, ZERO, type Dim } from '../../../plan/dim.ts'
import { apply, type Operand } from './apply.ts'
import { options, type AxisSlice } from '../builtin/options.ts'
import { complain, verify, wordsOf, type Frame } from '../context/context.ts'
import { canonical, stepsIn } from '../static/exact.ts'
import { evaluateSize } from '../static/static.ts'
import { UNKNOWN, type Value } from '../context/value.ts'
import { wantSize } from '../types/compile-time.ts'

const fromEnd = (at: Dim, size: Dim): Dim => ((constantValue(at) ?? 0) < 0 ? add(size, at) : at)

/** One entry between the brackets; null after a mistake. */
function axisSlice(frame: Frame, node: SliceNode, size: Dim): AxisSlice | null {
  const part = (expression: SliceNode['start'], otherwise: Dim): Dim | null => {
    if (expression === null) return otherwise
    const value = wantSize(frame, expression, 'an index')
    return value === null ? null : fromEnd(value, size)
  }
  const step = node.step === null ? ONE : wantSize(frame, node.step, 'a step')
  const start = node.index === null ? part(node.start, ZERO) : part(node.index, ZERO)
  if (step === null || start === null) return null
  const stop = node.index === null ? part(node.stop, size) : add(start, ONE)
  if (stop === null) return null
  const stride = constantValue(step)
  if (stride === undefined || stride < 1) {
    complain(frame, {
      code: 'SMOE4007',
      message: `a step must be an integer from 1, not ${step.key}`,
      span: node.step?.span ?? node.span,
    })
    return null
  }
  if (!inside(frame, node, start, stop, size)) return null
  const count = canonical(subtract(stop, start), frame.context.quotients)
  return {
    start,
    size: node.index === null ? stepsIn(count, stride, frame.context.quotients) : ONE,
    step: stride,
    drop: node.index !== null,
  }
}

const inside = (frame: Frame, node: SliceNode, start: Dim, stop: Dim, size: Dim): boolean =>
  verify(frame, (lookup) => {
    const [from, to, all] = [start, stop, size].map((one) => evaluateSize(one, lookup))
    // by differences: B + 1 is out of range for an axis of B whatever B is
    const isInside = [start, subtract(stop, start), subtract(size, stop)].every((room) => (evaluateSize(room, lookup) ?? 0) >= 0)
    if (isInside) return null
    const range = node.index === null ? `${from ?? start.key}..${to ?? stop.key}` : `${from ?? start.key}`
    return {
      code: 'SMOE4007',
      message: `\`${wordsOf(node.span)}\` selects ${range}, which is out of range for an axis of size ${all ?? size.key}`,
      span: node.span,
    }
  })

export function slice(frame: Frame, { slices, span }: IndexExpression, operand: Operand): Value {
  if (operand.value.kind !== 'tensor') {
    return operand.value.kind === 'unknown'
      ? UNKNOWN
      : complain(frame, {
          code: 'SMOE3003',
          message: `\`${wordsOf(operand.span)}\` is not a tensor and cannot be indexed`,
          span: operand.span,
        })
  }
  const { shape } = operand.value.term
  if (slices.length > shape.length) {
    return complain(frame, {
      code: 'SMOE3001',
      message: `\`${wordsOf(operand.span)}\` has ${shape.length} axes but ${slices.length} are indexed`,
      span,
    })
  }
  const given = slices.map((node, axis) => axisSlice(frame, node, shape[axis]))
  const rest = shape.slice(slices.length).map((size): AxisSlice => ({ start: ZERO, size, step: 1, drop: false }))
  if (given.some((one) => one === null)) return UNKNOWN
  return apply(frame, 'slice', [operand], options({ slices: [...(given as AxisSlice[]), ...rest] }), span)
}
