/** Statements as they are read. */
import { element, reduce, u32, variable } from '../../scalar/build.ts'
import type { Expression, ReduceOpcode, Statement } from '../../scalar/expression.ts'

type Body = readonly Statement[]

export const named = (name: string, value: Expression): Statement => ({ kind: 'let', name, value })
export const changing = (name: string, value: Expression): Statement => ({ kind: 'var', name, value })
export const assign = (name: string, value: Expression): Statement => ({ kind: 'assign', name, value })
export const when = (condition: Expression, body: Body): Statement => ({ kind: 'if', condition, body, otherwise: [] })
export const MEET: Statement = { kind: 'barrier' }
/** Stores before it are seen by all after it. */
export const SETTLE: Statement = { kind: 'barrier', buffers: true }

const ARRAYS = { f32: 'part', u32: 'mark' } as const

/** Folds a var over all `lanes`, each going through all of them: two meetings, where halving takes many, and meetings are what compilers toil at. */
export const combine = (name: string, type: 'f32' | 'u32', word: ReduceOpcode): readonly Statement[] => [
  { kind: 'assign-element', array: ARRAYS[type], index: variable('u32', 'thread'), value: variable(type, name) },
  MEET,
  assign(name, reduce(word, 'l', variable('u32', 'lanes'), element(type, ARRAYS[type], variable('u32', 'l')))),
  MEET,
]

/** The body for from, from + step, ... below `below`. */
export const each = (
  name: string,
  from: Expression,
  below: Expression,
  step: Expression,
  body: (i: Expression) => Body,
): Statement => ({
  kind: 'for',
  variable: name,
  from,
  below,
  step,
  body: body(variable('u32', name)),
})

/** Shared among the lanes: each takes every `lanes`-th. */
export const dealt = (name: string, below: Expression, lanes: number, body: (i: Expression) => Body): Statement =>
  each(name, variable('u32', 'thread'), below, u32(lanes), body)
