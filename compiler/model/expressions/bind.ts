/** Bindings: values with a name, checked against their declared type. */
import type { TypeNode } from '../../../grammar/ast.ts'
import type { Span } from '../../../grammar/source.ts'
import { asTerm } from './apply.ts'
import { complain, originOf, type Frame } from '../context/context.ts'
import { equalSizes } from '../static/exact.ts'
import { closedShape, dtypeOf } from '../types/shapes.ts'
import { ofTerm, termTypeText, typeText, type Value } from '../context/value.ts'

/** Binds a name, which must be new in the scope. */
export function bind(frame: Frame, name: { readonly text: string; readonly span: Span }, value: Value, mutable = false): void {
  if (name.text === '') return
  const known = frame.scope.bindings.get(name.text)
  if (known !== undefined) {
    const isVar = known.mutable
    complain(frame, {
      code: 'SMOE2003',
      message: `${name.text} is already defined here`,
      span: name.span,
      related: [{ span: known.span, message: 'declared here' }],
      help: isVar ? `${name.text} is a var; assign to it with ${name.text} = ...` : null,
    })
    return
  }
  frame.scope.bindings.set(name.text, { value, span: name.span, mutable })
}

/** A value checked against its declared type; after a mistake, a value of that type. */
export function typed(frame: Frame, type: TypeNode | null, value: Value, span: Span, what: string): Value {
  if (type === null) return value
  if (type.kind !== 'tensor-type') {
    const wanted = type.kind === 'choice-type' ? 'string' : type.name.text
    if (
      value.kind === 'unknown' ||
      (value.kind === 'static' && (value.static.type === wanted || (wanted === 'real' && value.static.type === 'int')))
    )
      return value
    return complain(frame, { code: 'SMOE3003', message: `${what} must be ${wanted}, not ${typeText(value)}`, span })
  }
  const [shape, dtype] = [closedShape(frame, type), dtypeOf(frame, type)]
  if (shape === null || dtype === null) return value
  const declared: Value = ofTerm({ kind: 'given', name: what, shape, dtype, origin: originOf(frame, span) })
  const term = asTerm(frame, { value, span }, dtype)
  if (term === null) return declared
  const same =
    term.dtype === dtype &&
    term.shape.length === shape.length &&
    term.shape.every((size, axis) => equalSizes(size, shape[axis], frame.context.quotients))
  if (same) return ofTerm(term)
  complain(frame, {
    code: 'SMOE3009',
    message: `${what} is declared ${termTypeText({ shape, dtype })} but is ${termTypeText(term)}`,
    span,
    related: [{ span: type.span, message: 'declared here' }],
  })
  return declared
}

export function sameType(frame: Frame, a: Value, b: Value): boolean {
  if (a.kind === 'static' && b.kind === 'static') return a.static.type === b.static.type
  if (a.kind !== 'tensor' || b.kind !== 'tensor') return a.kind === b.kind
  const [x, y] = [a.term, b.term]
  return (
    x.dtype === y.dtype &&
    x.shape.length === y.shape.length &&
    x.shape.every((size, axis) => equalSizes(size, y.shape[axis], frame.context.quotients))
  )
}
