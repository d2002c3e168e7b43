/**
 * Which variables of a kernel's body differ among the threads of a gang: those that are assigned a varying value, or under a
 * varying condition.
 */
import type { Statement } from '../../scalar/expression.ts'
import { shapeOf, UNIFORM, VARYING, type Shape } from './shape.ts'

export interface Analysis {
  /** Variables that are assigned to, and results of reductions, that vary. */
  readonly varying: ReadonlySet<string>
  /** Workgroup arrays; other arrays belong to an thread. */
  readonly shared: ReadonlySet<string>
}

/** The shapes that the variables have where a statement stands. */
type Scope = Map<string, Shape>

/** The shape of a loop's variable. */
export function loopShape(s: Statement & { kind: 'for' }, of: (e: (typeof s)['from']) => Shape): Shape {
  const [from, step] = [of(s.from), of(s.step)]
  if (step.kind !== 'uniform' || from.kind === 'varying') return VARYING
  if (from.kind === 'uniform') return { kind: 'uniform', isMultiple: from.isMultiple && step.isMultiple }
  return { ...from, isAligned: from.isAligned && step.isMultiple }
}

/** `known` has the shapes of the variables that the body is given; `kept` are names that vary whatever their values are. */
export function analyse(
  body: readonly Statement[],
  shared: ReadonlySet<string>,
  known: ReadonlyMap<string, Shape>,
  kept: ReadonlySet<string> = new Set(),
): Analysis {
  const varying = new Set(kept)
  for (let before = -1; before !== varying.size;) {
    before = varying.size
    walk(body, new Map(known), false, varying, shared)
  }
  return { varying, shared }
}

function walk(
  statements: readonly Statement[],
  scope: Scope,
  isDivergent: boolean,
  varying: Set<string>,
  shared: ReadonlySet<string>,
): void {
  const of = (e: Parameters<typeof shapeOf>[0]): Shape =>
    shapeOf(
      e,
      (name) => scope.get(name) ?? UNIFORM,
      (array) => shared.has(array),
    )
  for (const s of statements) {
    switch (s.kind) {
      case 'let':
        scope.set(s.name, varying.has(s.name) ? VARYING : of(s.value))
        break
      case 'var':
      case 'assign':
        if (of(s.value).kind !== 'uniform' || (s.kind === 'assign' && isDivergent)) varying.add(s.name)
        scope.set(s.name, varying.has(s.name) ? VARYING : UNIFORM)
        break
      case 'for': {
        const inner = new Map(scope).set(s.variable, loopShape(s, of))
        const diverges = of(s.below).kind !== 'uniform' || of(s.from).kind !== 'uniform' || of(s.step).kind !== 'uniform'
        walk(s.body, inner, isDivergent || diverges, varying, shared)
        break
      }
      case 'if': {
        const diverges = isDivergent || of(s.condition).kind !== 'uniform'
        walk(s.body, new Map(scope), diverges, varying, shared)
        walk(s.otherwise, new Map(scope), diverges, varying, shared)
        break
      }
      case 'loop':
        walk(s.body, new Map(scope), isDivergent, varying, shared)
        break
      case 'reduce': {
        const inner = new Map(scope).set(s.variable, UNIFORM)
        walk(s.body, inner, isDivergent || of(s.extent).kind !== 'uniform', varying, shared)
        const value = shapeOf(
          s.value,
          (name) => inner.get(name) ?? UNIFORM,
          (array) => shared.has(array),
        )
        if (of(s.extent).kind !== 'uniform' || value.kind !== 'uniform') varying.add(s.name)
        scope.set(s.name, varying.has(s.name) ? VARYING : UNIFORM)
        break
      }
      case 'uniform-load':
        scope.set(s.name, UNIFORM)
        break
      case 'array':
      case 'assign-element':
      case 'store':
      case 'barrier':
      case 'all-reduce':
        break
      default:
        s satisfies never
    }
  }
}
