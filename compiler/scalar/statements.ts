/** A builder of statements, so that kernels made of them read as code. */
import { binary, u32, variable } from './build.ts'
import type { Expression, ReduceOpcode, ScalarType, Statement } from './expression.ts'

export type Body = readonly Statement[]

/** The reserved variables of kernels of workgroups. */
export const THREAD = variable('u32', 'thread')
export const WORKGROUP = variable('u32', 'workgroup')

/** A constant; `variable(value.type, name)` is its value in expressions. */
export const define = (name: string, value: Expression): Statement => ({ kind: 'let', name, value })
export const mutable = (name: string, value: Expression): Statement => ({ kind: 'var', name, value })
export const assign = (name: string, value: Expression): Statement => ({ kind: 'assign', name, value })
export const setElement = (array: string, index: Expression, value: Expression): Statement => ({
  kind: 'assign-element',
  array,
  index,
  value,
})
export const store = (buffer: string, index: Expression, value: Expression): Statement => ({
  kind: 'store',
  buffer,
  index,
  value,
})

export const when = (condition: Expression, body: Body, otherwise: Body = []): Statement => ({
  kind: 'if',
  condition,
  body,
  otherwise,
})

/** The body for from, from + step, ... below `below`. */
export const loopOver = (
  name: string,
  from: Expression,
  below: Expression,
  step: Expression,
  body: (i: Expression) => Body,
): Statement => ({ kind: 'for', variable: name, from, below, step, body: body(variable('u32', name)) })

/** The body for 0, 1, ... below `below`. */
export const loopTo = (name: string, below: Expression, body: (i: Expression) => Body): Statement =>
  loopOver(name, u32(0), below, u32(1), body)

/** A loop that the threads of a workgroup share: each takes every `threads`-th, from its own number on. */
export const sharedLoop = (name: string, below: Expression, threads: number, body: (i: Expression) => Body): Statement =>
  loopOver(name, THREAD, below, u32(threads), body)

export const doWhile = (body: Body, condition: Expression): Statement => ({ kind: 'loop', body, while: condition })

/** Writes to workgroup arrays before it are visible after it. */
export const BARRIER: Statement = { kind: 'barrier' }
/** The same for buffers. */
export const BUFFER_BARRIER: Statement = { kind: 'barrier', buffers: true }

export const allReduce = (name: string, type: ScalarType, opcode: ReduceOpcode): Statement => ({
  kind: 'all-reduce',
  name,
  type,
  opcode,
})
export const uniformLoad = (name: string, array: string, index: Expression): Statement => ({
  kind: 'uniform-load',
  name,
  array,
  index,
})

export const onFirstThread = (body: Body): Statement => when(binary('equal', THREAD, u32(0)), body)
