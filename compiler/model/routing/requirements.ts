/** The `require` clauses of a moe, with evaluated numbers. */
import type { Constraint, Expression, OverflowRule } from '../../../grammar/ast.ts'
import type { Span } from '../../../grammar/source.ts'
import type { Dim } from '../../../plan/dim.ts'
import { complain, sizeOf, wordsOf, type Frame } from '../context/context.ts'
import type { Static } from '../static/static.ts'
import { wantFixed, wantStatic } from '../types/compile-time.ts'

export type Requirement = { readonly span: Span } & (
  | { readonly kind: 'dropless' | 'expert-choice' }
  | { readonly kind: 'capacity'; readonly factor: Static; readonly overflow: OverflowRule }
  | { readonly kind: 'groups'; readonly groups: Dim; readonly keep: Dim }
  | { readonly kind: 'bias-balanced'; readonly rate: Static }
  | { readonly kind: 'balanced-within'; readonly percent: Static }
  | { readonly kind: 'at-most'; readonly tokens: Dim }
  | { readonly kind: 'each-token'; readonly experts: Dim }
)

const real = (frame: Frame, expression: Expression, what: string): Static | null => wantStatic(frame, expression, 'real', what)

/** Null after a mistake. */
function read(frame: Frame, node: Constraint): Requirement | null {
  const { span } = node
  switch (node.kind) {
    case 'dropless':
    case 'expert-choice':
      return { kind: node.kind, span }
    case 'capacity': {
      const factor = real(frame, node.factor, 'the capacity')
      return factor && { kind: node.kind, factor, overflow: node.overflow, span }
    }
    case 'groups': {
      const [groups, keep] = [
        wantFixed(frame, node.count, 'the number of groups'),
        wantFixed(frame, node.keep, 'the number kept'),
      ]
      return groups && keep && { kind: node.kind, groups, keep, span }
    }
    case 'bias-balanced': {
      const rate = real(frame, node.rate, 'the rate')
      return rate && { kind: node.kind, rate, span }
    }
    case 'balanced-within': {
      const percent = real(frame, node.percent, 'the percentage')
      return percent && { kind: node.kind, percent, span }
    }
    case 'at-most': {
      const tokens = wantFixed(frame, node.tokens, 'the number of tokens')
      return tokens && { kind: node.kind, tokens, span }
    }
    case 'each-token': {
      const experts = wantStatic(frame, node.experts, 'int', 'the number of experts')
      return experts && { kind: node.kind, experts: sizeOf(frame, experts), span }
    }
    default:
      return node satisfies never
  }
}

/** The requirements that say something, each kind once. */
export function readRequirements(frame: Frame, nodes: readonly Constraint[]): readonly Requirement[] {
  const firsts = new Map<Constraint['kind'], Constraint>()
  return nodes.flatMap((node) => {
    const first = firsts.get(node.kind)
    if (first !== undefined) {
      complain(frame, {
        code: 'SMOE2003',
        message: `\`${wordsOf(first.span)}\` already requires this`,
        span: node.span,
        related: [{ span: first.span, message: 'the first' }],
      })
      return []
    }
    firsts.set(node.kind, node)
    const made = read(frame, node)
    return made === null ? [] : [made]
  })
}

export const requirement = <K extends Requirement['kind']>(
  all: readonly Requirement[],
  kind: K,
): Extract<Requirement, { readonly kind: K }> | null =>
  all.find((one): one is Extract<Requirement, { readonly kind: K }> => one.kind === kind) ?? null
