/** Tensor types: names in shapes, and the sizes they stand for. */
import type { Expression, TensorTypeNode } from '../../../grammar/ast.ts'
import type { Span } from '../../../grammar/source.ts'
import { closest } from '../../../grammar/suggest.ts'
import { ONE, multiply, symbol, type Dim } from '../../../plan/dim.ts'
import type { DType } from '../../graph/vocabulary.ts'
import { bounded, complain, verify, wordsOf, type Frame } from '../context/context.ts'
import { divideSizes, equalSizes } from '../static/exact.ts'
import type { Term } from '../model.ts'
import { isLost } from '../context/names.ts'
import { find } from '../context/scope.ts'
import { evaluateSize, int } from '../static/static.ts'
import { ofStatic, termTypeText, UNKNOWN } from '../context/value.ts'
import { wantExtent, wantSize } from './compile-time.ts'

const DTYPES: readonly DType[] = ['f32', 'i32', 'bool']

/** The dtype written; null after a mistake. */
export function dtypeOf(frame: Frame, { dtype }: TensorTypeNode): DType | null {
  const known = DTYPES.find((one) => one === dtype.text)
  if (known !== undefined) return known
  if (isLost(frame, dtype.text)) return null
  const meant = closest(dtype.text, DTYPES)
  complain(frame, {
    code: 'SMOE3007',
    message: `${dtype.text} is not an element type`,
    span: dtype.span,
    help: meant === null ? 'element types are f32, i32 and bool' : `did you mean ${meant}?`,
  })
  return null
}

/** Whether the elements of a tensor can be counted exactly, wherever their number is known. */
export const isCountable = (frame: Frame, shape: readonly Dim[], span: Span): boolean =>
  bounded(frame, span, false, () =>
    verify(frame, (lookup) => {
      const elements = shape.reduce((all, size) => all * (evaluateSize(size, lookup) ?? 1), 1)
      if (elements <= Number.MAX_SAFE_INTEGER) return null
      return {
        code: 'SMOE4006',
        message: `\`${wordsOf(span)}\` has ${elements} elements, more than 2^53`,
        span,
      }
    }),
  )

export const bindDim = (frame: Frame, name: string, size: Dim, span: Span): void => {
  frame.scope.bindings.set(name, { value: ofStatic(int(size)), span, mutable: false })
}

/** Whether an entry of a shape is a name that is not bound yet. */
const isFree = (frame: Frame, entry: Expression): entry is Expression & { kind: 'name' } =>
  entry.kind === 'name' && entry.name.text !== '' && find(frame.scope, entry.name.text) === undefined

/** C in `heads * C`, where only C is free: the other factor and the name. */
function freeFactor(frame: Frame, entry: Expression): { free: Expression & { kind: 'name' }; known: Expression } | null {
  if (entry.kind !== 'binary' || entry.operator !== '*') return null
  const { left, right } = entry
  if (isFree(frame, right) && !isFree(frame, left)) return { free: right, known: left }
  return isFree(frame, left) && !isFree(frame, right) ? { free: left, known: right } : null
}

/**
 * Makes a dim of its own for each free name, as where a declaration is checked by itself or an input is declared; `made` gets
 * their names.
 */
export function openShape(frame: Frame, node: TensorTypeNode, made: string[] = []): readonly Dim[] | null {
  const sizes = node.shape.map((entry) => {
    const free = isFree(frame, entry) ? entry : freeFactor(frame, entry)?.free
    if (free !== undefined) {
      bindDim(frame, free.name.text, symbol(free.name.text), free.span)
      made.push(free.name.text)
    }
    return wantExtent(frame, entry)
  })
  return shapeOf(frame, node, sizes)
}

/** The shape written, all names known; null after a mistake. */
export function closedShape(frame: Frame, node: TensorTypeNode): readonly Dim[] | null {
  return shapeOf(
    frame,
    node,
    node.shape.map((entry) => wantExtent(frame, entry)),
  )
}

function shapeOf(frame: Frame, node: TensorTypeNode, sizes: readonly (Dim | null)[]): readonly Dim[] | null {
  if (sizes.some((size) => size === null)) return null
  const shape = [...(node.anyLeading ? frame.leading : []), ...(sizes as Dim[])]
  return isCountable(frame, shape, node.span) ? shape : null
}

/** An argument against the type of its parameter. */
export interface Fit {
  readonly term: Term
  readonly span: Span
  /** `x of attention`. */
  readonly wanted: string
}

/**
 * Binds the free names of a parameter's shape to the argument's sizes; says where they disagree. The frame is the callee's, the
 * report the caller's.
 */
export function unify(frame: Frame, caller: Frame, node: TensorTypeNode, { term, span, wanted }: Fit): boolean {
  const { shape } = term
  const front = shape.length - node.shape.length
  if (node.anyLeading ? front < 0 : front !== 0) {
    const axes = `${node.anyLeading ? 'at least ' : ''}${node.shape.length} ${node.shape.length === 1 ? 'axis' : 'axes'}`
    complain(caller, {
      code: 'SMOE3001',
      span,
      message: `\`${wordsOf(span)}\` is ${termTypeText(term)}, but ${wanted} has ${axes}`,
      related: [{ span: node.span, message: 'expected here' }],
    })
    return false
  }
  return node.shape.every((entry, i) => {
    const size = shape[front + i]
    const wants = caller.context.reporter.during(span, wanted, () => settle(frame, entry, size))
    if (wants === null || equalSizes(wants, size, caller.context.quotients)) return wants !== null
    const named = entry.kind === 'name' && entry.name.text !== wants.key ? `${entry.name.text} = ${wants.key}` : wants.key
    complain(caller, {
      code: 'SMOE3001',
      span,
      related: [{ span: entry.span, message: 'expected here' }],
      message: `\`${wordsOf(span)}\` has ${size.key} at axis ${front + i}, but ${wanted} expects ${named}`,
    })
    return false
  })
}

/** The size that an entry expects, binding its free name; null after a mistake. */
function settle(frame: Frame, entry: Expression, size: Dim): Dim | null {
  if (isFree(frame, entry)) {
    bindDim(frame, entry.name.text, size, entry.span)
    return size
  }
  const factor = freeFactor(frame, entry)
  if (factor === null) return wantSize(frame, entry, 'a size')
  const known = wantSize(frame, factor.known, 'a size')
  if (known === null) return null
  const rest = divideSizes(size, known, frame.context.quotients)
  bindDim(frame, factor.free.name.text, rest ?? ONE, entry.span)
  return multiply(known, rest ?? ONE)
}

/** The size of a type of one axis, where all its names are bound; null elsewhere. */
export const lengthOf = (frame: Frame, { shape: [entry, ...more], anyLeading }: TensorTypeNode): Dim | null =>
  entry === undefined || more.length > 0 || anyLeading || isFree(frame, entry) || freeFactor(frame, entry) !== null
    ? null
    : wantSize(frame, entry, 'a size')

/** Names of a shape that nothing has bound, so that uses of them stay silent. */
export function bindLost(frame: Frame, node: TensorTypeNode): void {
  for (const entry of node.shape) {
    const free = isFree(frame, entry) ? entry : freeFactor(frame, entry)?.free
    if (free !== undefined) frame.scope.bindings.set(free.name.text, { value: UNKNOWN, span: free.span, mutable: false })
  }
}
