/** `param`: a weight of an instance, or of each expert of a bank. */
import type { ParamStatement } from '../../../grammar/ast.ts'
import { symbolsOf } from '../../../plan/dim.ts'
import { complain, originOf, type Frame } from '../context/context.ts'
import { ofTerm, UNKNOWN } from '../context/value.ts'
import { bind } from '../expressions/bind.ts'
import { initialiserOf } from '../methods/method.ts'
import type { WeightTerm } from '../model.ts'
import { closedShape, dtypeOf, isCountable } from '../types/shapes.ts'

export function paramStatement(frame: Frame, { name, type, initialiser: method, doc, span }: ParamStatement): void {
  const { context } = frame
  const [shape, dtype] = [closedShape(frame, type), dtypeOf(frame, type)]
  const initialiser = method === null ? null : initialiserOf(frame, method, shape?.length ?? null)
  const atRun = shape?.flatMap(symbolsOf).find((symbol) => context.runDims.has(symbol))
  if (dtype !== null && dtype !== 'f32')
    complain(frame, { code: 'SMOE3013', message: `a weight must be f32, not ${dtype}`, span: type.dtype.span })
  else if (atRun !== undefined)
    complain(frame, {
      code: 'SMOE3013',
      message: `the sizes of a weight must be known at compile time, but ${atRun} is only known at run time`,
      span: type.span,
    })
  if (shape === null || dtype !== 'f32' || atRun !== undefined) return bind(frame, name, UNKNOWN)
  if (frame.bank !== null && !isCountable(frame, [frame.bank.count, ...shape], span)) return bind(frame, name, UNKNOWN)
  const path = [...frame.path, name.text].join('.')
  const term: WeightTerm = {
    kind: 'weight',
    path,
    bank: frame.bank?.count ?? null,
    initialiser,
    doc: doc.join('\n'),
    shape,
    dtype,
    origin: originOf(frame, span),
  }
  const stackedPath =
    frame.bank === null
      ? null
      : [...frame.path.slice(0, frame.bank.depth), '{*}', ...frame.path.slice(frame.bank.depth), name.text].join('.')
  context.weights.push({ term, stackedPath, loops: frame.loops, source: null })
  bind(frame, name, ofTerm(term))
  frame.steps.push({ kind: 'param', name: name.text, term })
}
