/** What stands after `when training`: names and choices that both of its branches have made. */
import type { Span } from '../../grammar/source.ts'
import { sameType } from './bind.ts'
import { originOf, type Frame, type PolicyState } from './context.ts'
import type { Term } from './model.ts'
import type { Binding, Scope } from './scope.ts'
import { staticText } from './static.ts'
import { ofTerm, UNKNOWN, type Value } from './value.ts'

/** A value that training and inference make in their own way, of one type. */
const branch = (frame: Frame, training: Term, otherwise: Term, span: Span): Term =>
  training === otherwise ? training : { kind: 'branch', training, otherwise, shape: training.shape, dtype: training.dtype, origin: originOf(frame, span) }

/** Null where the two are of different kinds: then the name is seen in the branches alone. */
function join(frame: Frame, training: Value, otherwise: Value, span: Span): Value | null {
  if (training.kind === 'unknown' || otherwise.kind === 'unknown') return UNKNOWN
  if (!sameType(frame, training, otherwise)) return null
  if (training.kind === 'tensor' && otherwise.kind === 'tensor') return ofTerm(branch(frame, training.term, otherwise.term, span))
  const same = training.kind === 'static' && otherwise.kind === 'static' && staticText(training.static) === staticText(otherwise.static)
  return same ? training : null
}

type Vars = readonly { readonly scope: Scope; readonly name: string; readonly binding: Binding }[]

/** Every var that can be seen, with what it holds now. */
export function varsOf(scope: Scope | null): Vars {
  if (scope === null) return []
  const own = [...scope.bindings].flatMap(([name, binding]) => (binding.mutable ? [{ scope, name, binding }] : []))
  return [...own, ...varsOf(scope.parent)]
}

export const restore = (vars: Vars): void => vars.forEach(({ scope, name, binding }) => scope.bindings.set(name, binding))

/** One branch after it has been worked out. */
export interface Ran {
  readonly state: PolicyState
  readonly scope: Scope
  readonly vars: Vars
}

/** Brings together what two branches have bound, assigned and chosen. */
export function meet(frame: Frame, training: Ran, otherwise: Ran, span: Span): void {
  for (const [name, { value }] of training.scope.bindings) {
    const other = otherwise.scope.bindings.get(name)
    const joined = other === undefined || frame.scope.bindings.has(name) ? null : join(frame, value, other.value, span)
    if (joined !== null) frame.scope.bindings.set(name, { value: joined, span, mutable: false })
  }
  training.vars.forEach(({ scope, name, binding }, i) => {
    const joined = join(frame, binding.value, otherwise.vars[i].binding.value, span)
    scope.bindings.set(name, { ...binding, value: joined ?? UNKNOWN })
  })
  const [a, b] = [training.state, otherwise.state]
  const state = frame.policy!
  const both = (x: Term | null, y: Term | null): Term | null => (x === null || y === null ? null : branch(frame, x, y, span))
  state.weights ??= both(a.weights, b.weights)
  state.keep ??= both(a.keep, b.keep)
  state.isBroken ||= a.isBroken || b.isBroken
  if (state.select !== null || a.select === null || b.select === null || a.select.count !== b.select.count) return
  state.select = { count: b.select.count, asked: b.select.asked, scores: branch(frame, a.select.scores, b.select.scores, span), selected: branch(frame, a.select.selected, b.select.selected, span) }
}
