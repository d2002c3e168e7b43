/** `repeat layers[i] in 0..L`: the body is checked once, with its loop-carried values. */
import type { RepeatStatement, Statement } from '../../../grammar/ast.ts'
import { symbol } from '../../../plan/dim.ts'
import { bind } from '../expressions/bind.ts'
import { claimPath } from '../weights/claims.ts'
import { complain, lookupIn, originOf, verify, type Frame } from '../context/context.ts'
import type { AfterTerm, CarriedTerm, Loop } from '../model.ts'
import { assign, createScope, find } from '../context/scope.ts'
import { evaluateSize, int } from '../static/static.ts'
import { ofStatic, ofTerm, UNKNOWN, type Value } from '../context/value.ts'
import { wantFixed } from '../types/compile-time.ts'

/** Names that the statements assign, in order of appearance. */
function assigned(list: readonly Statement[]): readonly string[] {
  const names = list.flatMap((statement): readonly string[] => {
    if (statement.kind === 'assign') return [statement.name.text]
    return statement.kind === 'repeat' ? assigned(statement.body) : []
  })
  return [...new Set(names)]
}

/** A fresh symbol for the index. */
function indexSymbol(frame: Frame, name: string): string {
  const isTaken =
    frame.loops.some((loop) => loop.index === name) || frame.context.values.has(name) || frame.context.runDims.has(name)
  return isTaken ? indexSymbol(frame, `${name}'`) : name
}

/** The limit of iterations of nested repeats together, since loops are unrolled. */
const MOST_TURNS = 65_536

function turnsAround({ context, loops }: Frame): number {
  const lookup = lookupIn(context)
  return loops.reduce(
    (all, { from, to }) => all * Math.max(1, (evaluateSize(to, lookup) ?? 1) - (evaluateSize(from, lookup) ?? 0)),
    1,
  )
}

export function repeatStatement(frame: Frame, { label, index, from, to, body, span }: RepeatStatement): void {
  const [first, end] = [wantFixed(frame, from, 'the start of the range'), wantFixed(frame, to, 'the end of the range')]
  const ok =
    first !== null &&
    end !== null &&
    verify(frame, (lookup) => {
      const [a, b] = [evaluateSize(first, lookup), evaluateSize(end, lookup)]
      const wrong = (a !== undefined && a < 0) || (a !== undefined && b !== undefined && b < a)
      if (wrong) return { code: 'SMOE4006', message: `a repeat cannot count from ${a} to ${b ?? end.key}`, span: to.span }
      const turns = a === undefined || b === undefined ? 0 : (b - a) * turnsAround(frame)
      return turns > MOST_TURNS
        ? { code: 'SMOE4006', message: `${turns} iterations are more than the limit of ${MOST_TURNS}`, span: to.span }
        : null
    })
  const name = indexSymbol(frame, index.text)
  const range = { index: name, from: first ?? symbol(name), to: end ?? symbol(name) }
  const inner: Frame = {
    ...frame,
    scope: createScope(frame.scope),
    steps: [],
    path: [...frame.path, `${label.text}.{${name}}`],
    loops: ok ? [...frame.loops, range] : frame.loops,
  }
  bind(inner, index, ofStatic(int(symbol(name))))
  const carried = assigned(body).flatMap((text) => {
    const binding = find(frame.scope, text)
    return binding?.mutable === true && binding.value.kind === 'tensor'
      ? [{ text, initial: binding.value.term, span: binding.span }]
      : []
  })
  const starts = carried.map(({ text, initial, span: at }): CarriedTerm => ({
    kind: 'carried',
    name: text,
    shape: initial.shape,
    dtype: initial.dtype,
    origin: originOf(frame, at),
  }))
  carried.forEach(({ text }, i) => assign(frame.scope, text, ofTerm(starts[i])))
  const weightsBefore = frame.context.weights.length
  refuseStatics(frame, body)
  frame.context.walk.statements(inner, body)
  if (frame.context.weights.length > weightsBefore) claimPath(frame, [...frame.path, label.text], label.span, label.text)
  const nexts = carried.map(({ text }): Value => find(frame.scope, text)?.value ?? UNKNOWN)
  const loop: Loop = {
    label: label.text,
    index: name,
    from: range.from,
    to: range.to,
    steps: inner.steps,
    carried: carried.map(({ text, initial }, i) => {
      const next = nexts[i]
      return { name: text, initial, start: starts[i], next: next.kind === 'tensor' ? next.term : starts[i] }
    }),
  }
  frame.steps.push({ kind: 'loop', loop })
  carried.forEach(({ text, initial }) => {
    const after: AfterTerm = {
      kind: 'after',
      name: text,
      loop,
      shape: initial.shape,
      dtype: initial.dtype,
      origin: originOf(frame, span),
    }
    assign(frame.scope, text, ofTerm(after))
  })
}

/** Only tensors are loop-carried: a compile-time number cannot change between iterations. */
function refuseStatics(frame: Frame, body: readonly Statement[]): void {
  for (const statement of body) {
    if (statement.kind !== 'assign') continue
    const binding = find(frame.scope, statement.name.text)
    if (binding?.mutable !== true || binding.value.kind !== 'static') continue
    complain(frame, {
      code: 'SMOE3010',
      message: `${statement.name.text} is ${binding.value.static.type}, known at compile time, and cannot change between iterations`,
      span: statement.span,
    })
  }
}
