/** Builds expressions and tracks their depth, so that no walk over the tree can overflow the stack. */
import type { BinaryOperator, Expression, UnaryOperator } from './ast.ts'
import { join, type Span } from './source.ts'

const depths = new WeakMap<Expression, number>()

/** Levels of expressions below and with this one, blocks of `moe` not counted. */
export const depthOf = (expression: Expression): number => depths.get(expression) ?? 1

/** Notes the depth of an expression just made. */
export function deepen<E extends Expression>(expression: E, parts: readonly Expression[]): E {
  depths.set(expression, 1 + parts.reduce((deepest, part) => Math.max(deepest, depthOf(part)), 0))
  return expression
}

/** Loosest first. */
export const precedences: { readonly [O in BinaryOperator]: number } = {
  or: 1,
  and: 2,
  '==': 4,
  '!=': 4,
  '<': 4,
  '<=': 4,
  '>': 4,
  '>=': 4,
  '+': 5,
  '-': 5,
  '*': 6,
  '/': 6,
  '%': 6,
  '@': 6,
}
/** `not a == b` is `not (a == b)`; `-a @ b` is `(-a) @ b`. */
export const unaryPrecedences: { readonly [O in UnaryOperator]: number } = { not: 3, '-': 7 }

export interface PrefixSign {
  readonly operator: UnaryOperator
  readonly span: Span
}

/** An operand with the signs before it and the operator that joins it to what stands left of it; none for the first. */
export interface ChainLink {
  readonly joint: BinaryOperator | null
  readonly prefixes: readonly PrefixSign[]
  readonly operand: Expression
}

type Pending = { readonly joint: BinaryOperator } | { readonly prefix: PrefixSign }

const strength = (pending: Pending): number =>
  'joint' in pending ? precedences[pending.joint] : unaryPrecedences[pending.prefix.operator]

/** A flat chain as a tree: operators of one level group to the left. Iterative: a chain may be of any length. */
export function associate(links: readonly ChainLink[]): Expression {
  const operands: Expression[] = []
  const pending: Pending[] = []
  for (const { joint, prefixes, operand } of links) {
    if (joint !== null) {
      while (pending.length > 0 && strength(pending.at(-1)!) >= precedences[joint]) reduce(operands, pending.pop()!)
      pending.push({ joint })
    }
    for (const prefix of prefixes) pending.push({ prefix })
    operands.push(operand)
  }
  while (pending.length > 0) reduce(operands, pending.pop()!)
  return operands[0]!
}

function reduce(operands: Expression[], step: Pending): void {
  const right = operands.pop()!
  if ('prefix' in step) {
    const { operator, span } = step.prefix
    operands.push(deepen({ kind: 'unary', operator, operand: right, span: join(span, right.span) }, [right]))
    return
  }
  const left = operands.pop()!
  const span = join(left.span, right.span)
  operands.push(deepen({ kind: 'binary', operator: step.joint, left, right, span }, [left, right]))
}
