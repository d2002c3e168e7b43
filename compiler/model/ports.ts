/** Inputs and outputs of a model. */
import type { InputStatement, OutputStatement } from '../../grammar/ast.ts'
import { symbolsOf } from '../../plan/dim.ts'
import { asTerm } from './apply.ts'
import { bind, typed } from './bind.ts'
import { complain, elaborate, originOf, type Frame } from './context.ts'
import type { InputTerm } from './model.ts'
import { dtypeOf, openShape } from './shapes.ts'
import { ofTerm, UNKNOWN } from './value.ts'

const isNested = (frame: Frame): boolean => frame.loops.length > 0

export function inputStatement(frame: Frame, { name, type, doc, span }: InputStatement): void {
  if (isNested(frame)) complain(frame, { code: 'SMOE2012', message: 'input has no place in a repeat', span })
  const known = new Set(frame.scope.bindings.keys())
  const [shape, dtype] = [openShape(frame, type), dtypeOf(frame, type)]
  if (shape === null || dtype === null) return bind(frame, name, UNKNOWN)
  for (const symbol of shape.flatMap(symbolsOf)) if (!known.has(symbol) && frame.scope.bindings.has(symbol)) frame.context.runDims.add(symbol)
  const term: InputTerm = { kind: 'input', name: name.text, doc: doc.join('\n'), shape, dtype, origin: originOf(frame, span) }
  frame.context.inputs.push(term)
  bind(frame, name, ofTerm(term))
}

export function outputStatement(frame: Frame, { name, type, value: expression, doc, span }: OutputStatement): void {
  if (isNested(frame)) {
    complain(frame, { code: 'SMOE2012', message: 'output has no place in a repeat: give it after the repeat', span })
    return
  }
  const value = typed(frame, type, elaborate(frame, expression), expression.span, name.text)
  bind(frame, name, value)
  const term = asTerm(frame, { value, span: expression.span })
  if (term !== null) frame.context.outputs.push({ name: name.text, term, doc: doc.join('\n') })
}
