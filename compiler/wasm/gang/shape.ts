/**
 * How a value differs among the four threads of a gang, found from its form: the same in all of them (uniform), a uniform base
 * plus the number of the thread times a constant (affine), or anything (varying). Uniform and affine values are computed by
 * scalar instructions.
 */
import type { Expression } from '../../scalar/expression.ts'

export type Shape =
  /** `isMultiple`: known to be a multiple of 4. */
  | { readonly kind: 'uniform'; readonly isMultiple: boolean }
  /** `isAligned`: the base is known to be a multiple of 4. */
  | { readonly kind: 'affine'; readonly stride: number; readonly isAligned: boolean }
  | { readonly kind: 'varying' }

export const GANG = 4

export const VARYING: Shape = { kind: 'varying' }
export const UNIFORM: Shape = { kind: 'uniform', isMultiple: false }

/** The shape of an expression, from those of the variables in it. */
export function shapeOf(e: Expression, variable: (name: string) => Shape, isShared: (array: string) => boolean): Shape {
  const of = (operand: Expression): Shape => shapeOf(operand, variable, isShared)
  switch (e.kind) {
    case 'literal':
      return { kind: 'uniform', isMultiple: e.value % GANG === 0 && e.type !== 'f32' }
    case 'size':
      return { kind: 'uniform', isMultiple: e.dim.terms.every(({ coefficient }) => coefficient % GANG === 0) }
    case 'variable':
      return variable(e.name)
    case 'load':
      return together([of(e.index)])
    case 'element':
      return isShared(e.array) ? together([of(e.index)]) : VARYING
    case 'unary':
      return together([of(e.operand)])
    case 'cast':
      return e.type === 'f32' || e.type === 'bool' || e.operand.type === 'f32' || e.operand.type === 'bool'
        ? together([of(e.operand)])
        : of(e.operand)
    case 'binary':
      if (e.opcode === 'less' && isOneSide(e, of(e.left), of(e.right))) return UNIFORM
      return e.type === 'f32' || e.type === 'bool' ? together([of(e.left), of(e.right)]) : ofWhole(e, of(e.left), of(e.right))
    case 'select':
      return together([of(e.condition), of(e.then), of(e.otherwise)])
    case 'call':
      return together(e.operands.map(of))
    case 'reduce': {
      const inside = (name: string): Shape => (name === e.variable ? UNIFORM : variable(name))
      return together([of(e.extent), shapeOf(e.body, inside, isShared)])
    }
    default:
      return e satisfies never
  }
}

const together = (shapes: readonly Shape[]): Shape => (shapes.every(({ kind }) => kind === 'uniform') ? UNIFORM : VARYING)

const isMultiple = (shape: Shape): boolean =>
  shape.kind === 'uniform' ? shape.isMultiple : shape.kind === 'affine' && shape.isAligned
const strideOf = (shape: Shape): number => (shape.kind === 'affine' ? shape.stride : 0)

/** Four in a row from a multiple of 4. */
const isBlock = (shape: Shape): boolean => shape.kind === 'affine' && shape.stride === 1 && shape.isAligned

/** Whether four in a row from a multiple of 4 are all below a multiple of 4, or none is. */
const isOneSide = (e: Expression & { kind: 'binary' }, left: Shape, right: Shape): boolean =>
  e.left.type !== 'f32' && isBlock(left) && right.kind === 'uniform' && right.isMultiple

const withStride = (stride: number, isBaseMultiple: boolean): Shape =>
  stride === 0 ? { kind: 'uniform', isMultiple: isBaseMultiple } : { kind: 'affine', stride, isAligned: isBaseMultiple }

function ofWhole(e: Expression & { kind: 'binary' }, left: Shape, right: Shape): Shape {
  if (left.kind === 'varying' || right.kind === 'varying') return VARYING
  const bothMultiples = isMultiple(left) && isMultiple(right)
  switch (e.opcode) {
    case 'add':
      return withStride(strideOf(left) + strideOf(right), bothMultiples)
    case 'subtract':
      return withStride(strideOf(left) - strideOf(right), bothMultiples)
    case 'multiply': {
      const either = isMultiple(left) || isMultiple(right)
      if (left.kind === 'uniform' && right.kind === 'uniform') return { kind: 'uniform', isMultiple: either }
      if (e.right.kind === 'literal' && left.kind === 'affine') return withStride(left.stride * e.right.value, either)
      if (e.left.kind === 'literal' && right.kind === 'affine') return withStride(right.stride * e.left.value, either)
      return VARYING
    }
    case 'divide':
    case 'remainder': {
      // four in a row from a multiple of 4 lie in one block of a multiple of 4
      const isOneBlock = e.type === 'u32' && isBlock(left) && right.kind === 'uniform' && right.isMultiple
      if (isOneBlock) return e.opcode === 'divide' ? UNIFORM : { kind: 'affine', stride: 1, isAligned: true }
      return together([left, right])
    }
    default:
      return together([left, right])
  }
}
