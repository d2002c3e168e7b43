/** Inputs and outputs of a model. */
import type { InputStatement, OutputStatement } from '../../../grammar/ast.ts'
import { symbolsOf } from '../../../plan/dim.ts'
import { asTerm } from '../expressions/apply.ts'
import { bind, typed } from '../expressions/bind.ts'
import { complain, elaborate, originOf, type Frame } from '../context/context.ts'
import type { InputTerm } from '../model.ts'
import { dtypeOf, openShape } from '../types/shapes.ts'
import { ofTerm, UNKNOWN } from '../context/value.ts'

const isNested = (frame: Frame): boolean => frame.loops.length > 0

export function inputStatement(frame: Frame, { name, type, doc, span }: InputStatement): void {
  if (isNested(frame)) complain(frame, { code: 'SMOE2012', message: 'input is not allowed in a repeat', span })
  const made: string[] = []
  const [shape, dtype] = [openShape(frame, type, made), dtypeOf(frame, type)]
  if (shape === null || dtype === null) return bind(frame, name, UNKNOWN)
  for (const symbol of made) frame.context.runDims.add(symbol)
  const term: InputTerm = { kind: 'input', name: name.text, doc: doc.join('\n'), shape, dtype, origin: originOf(frame, span) }
  frame.context.inputs.push(term)
  bind(frame, name, ofTerm(term))
}

/** Each run-time dim must be an axis of an input by itself, so that it can be inferred. */
export function tellable(frame: Frame): void {
  const { inputs, runDims } = frame.context
  const alone = new Set(inputs.flatMap(({ shape }) => shape.map((size) => size.key)))
  for (const { shape, origin } of inputs) {
    const odd = shape.flatMap(symbolsOf).find((name) => runDims.has(name) && !alone.has(name))
    if (odd !== undefined && origin.span !== null)
      complain(frame, {
        code: 'SMOE3008',
        message: `the size ${odd} cannot be inferred: no input has it as an axis of its own`,
        span: origin.span,
      })
  }
}

export function outputStatement(frame: Frame, { name, type, value: expression, doc, span }: OutputStatement): void {
  if (isNested(frame)) {
    complain(frame, { code: 'SMOE2012', message: 'output is not allowed in a repeat; write it after the repeat', span })
    return
  }
  const value = typed(frame, type, elaborate(frame, expression), expression.span, name.text)
  const term = asTerm(frame, { value, span: expression.span })
  if (frame.context.outputs.some((other) => other.name === name.text)) {
    complain(frame, { code: 'SMOE2003', message: `the output ${name.text} is already defined`, span: name.span })
    return
  }
  if (term !== null) frame.context.outputs.push({ name: name.text, term, doc: doc.join('\n') })
}
