/** Expressions, by their form. */
import type { BinaryExpression, Expression, NumberLiteral } from '../../grammar/ast.ts'
import { apply, type Operand } from './expressions/apply.ts'
import { binary, unary } from './expressions/arithmetic.ts'
import { options } from './builtin/options.ts'
import { call } from './expressions/call.ts'
import { conditional } from './expressions/conditional.ts'
import { bounded, elaborate, type Frame } from './context/context.ts'
import { member } from './expressions/member.ts'
import { moe } from './routing/moe.ts'
import { resolve } from './context/names.ts'
import { slice } from './expressions/slices.ts'
import { bool, int, real, word } from './static/static.ts'
import { ofStatic, UNKNOWN, type Value } from './context/value.ts'

/** A malformed number has been reported by the parser. */
function number({ value, isInteger }: NumberLiteral): Value {
  if (!Number.isFinite(value) || (isInteger && !Number.isSafeInteger(value))) return UNKNOWN
  return ofStatic(isInteger ? int(value) : real(value))
}

export const expression = (frame: Frame, node: Expression): Value => bounded(frame, node.span, UNKNOWN, () => form(frame, node))

function form(frame: Frame, node: Expression): Value {
  switch (node.kind) {
    case 'number':
      return number(node)
    case 'string':
      return ofStatic(word(node.value))
    case 'boolean':
      return ofStatic(bool(node.value))
    case 'list':
      return { kind: 'list', items: node.items.map((item) => elaborate(frame, item)) }
    case 'name':
      return resolve(frame, node.name)
    case 'unary':
      return unary(frame, node, operand(frame, node.operand))
    case 'binary':
      return node.operator === '@'
        ? product(frame, node)
        : binary(frame, node, operand(frame, node.left), operand(frame, node.right), false)
    case 'call':
      return call(frame, node)
    case 'index':
      return slice(frame, node, operand(frame, node.operand))
    case 'transpose':
      return apply(frame, 'swap', [operand(frame, node.operand)], options({}), node.span)
    case 'member':
      return member(frame, node)
    case 'conditional':
      return conditional(frame, node)
    case 'moe':
      return moe(frame, node)
    default:
      return node satisfies never
  }
}

const operand = (frame: Frame, node: Expression): Operand => ({ value: elaborate(frame, node), span: node.span })

/** `x @ w.T` is one matmul with a transposed operand, not a transposition and a matmul. */
function product(frame: Frame, node: BinaryExpression): Value {
  const left = operand(frame, node.left)
  const { right } = node
  if (right.kind !== 'transpose') return binary(frame, node, left, operand(frame, right), false)
  const inner = operand(frame, right.operand)
  const isMatrix = inner.value.kind === 'tensor' && inner.value.term.shape.length >= 2
  const value = isMatrix ? inner.value : apply(frame, 'swap', [inner], options({}), right.span)
  return binary(frame, node, left, { value, span: right.span }, isMatrix)
}
