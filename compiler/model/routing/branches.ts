/** The join of the branches of `when training`: the names and selections visible after it. */
import type { Span } from '../../../grammar/source.ts'
import { sameType } from '../expressions/bind.ts'
import { complain, originOf, type Frame, type PolicyState } from '../context/context.ts'
import { equalSizes } from '../static/exact.ts'
import type { Selection, Term } from '../model.ts'
import type { Binding, Scope } from '../context/scope.ts'
import { staticText, type Static } from '../static/static.ts'
import { ofTerm, UNKNOWN, type Value } from '../context/value.ts'

/** A join of two branches. */
interface Join {
  readonly frame: Frame
  readonly block: number
  readonly span: Span
}

/** A value with one type that training and inference define differently (a phi). */
const branch = ({ frame, block, span }: Join, training: Term, otherwise: Term): Term =>
  training === otherwise
    ? training
    : { kind: 'branch', block, training, otherwise, shape: training.shape, dtype: training.dtype, origin: originOf(frame, span) }

const scalar = ({ frame, span }: Join, value: Static): Term => ({
  kind: 'scalar',
  value,
  shape: [],
  dtype: 'f32',
  origin: originOf(frame, span),
})

/** Null where the two cannot be one value: they are of different kinds, or must be known at compile time. */
function join(at: Join, training: Value, otherwise: Value): Value | null {
  if (training.kind === 'unknown' || otherwise.kind === 'unknown') return UNKNOWN
  if (!sameType(at.frame, training, otherwise)) return null
  if (training.kind === 'tensor' && otherwise.kind === 'tensor') return ofTerm(branch(at, training.term, otherwise.term))
  if (training.kind !== 'static' || otherwise.kind !== 'static') return null
  const [a, b] = [training.static, otherwise.static]
  if (staticText(a) === staticText(b)) return training
  return a.type === 'real' ? ofTerm(branch(at, scalar(at, a), scalar(at, b))) : null
}

type Vars = readonly { readonly scope: Scope; readonly name: string; readonly binding: Binding }[]

/** Every visible var with its current value. */
export function varsOf(scope: Scope | null): Vars {
  if (scope === null) return []
  const own = [...scope.bindings].flatMap(([name, binding]) => (binding.mutable ? [{ scope, name, binding }] : []))
  return [...own, ...varsOf(scope.parent)]
}

export const restore = (vars: Vars): void => vars.forEach(({ scope, name, binding }) => scope.bindings.set(name, binding))

/** A checked branch. */
export interface Ran {
  readonly state: PolicyState
  readonly scope: Scope
  readonly vars: Vars
}

/** A var that the branches leave with different numbers of the compile time: one that is no real stays. */
function keepsType({ frame, span }: Join, name: string, { value }: Binding): void {
  if (value.kind !== 'static') return
  const { type } = value.static
  complain(frame, {
    code: 'SMOE3010',
    message: `${name} is ${type}, known at compile time, and cannot differ between training and inference`,
    span,
    help: type === 'int' ? 'a real may differ, as in 2.0 for 2' : null,
  })
}

/** Joins the bindings, assignments and selections of two branches. */
export function meet(frame: Frame, training: Ran, otherwise: Ran, block: number, span: Span): void {
  const at: Join = { frame, block, span }
  for (const [name, { value }] of training.scope.bindings) {
    const other = otherwise.scope.bindings.get(name)
    const joined = other === undefined || frame.scope.bindings.has(name) ? null : join(at, value, other.value)
    if (joined !== null) frame.scope.bindings.set(name, { value: joined, span, mutable: false })
  }
  training.vars.forEach(({ scope, name, binding }, i) => {
    const joined = join(at, binding.value, otherwise.vars[i].binding.value)
    if (joined === null) keepsType(at, name, binding)
    scope.bindings.set(name, { ...binding, value: joined ?? UNKNOWN })
  })
  const [a, b] = [training.state, otherwise.state]
  const state = frame.policy!
  const both = (x: Term | null, y: Term | null): Term | null => (x === null || y === null ? null : branch(at, x, y))
  state.weights ??= both(a.weights, b.weights)
  state.keep ??= both(a.keep, b.keep)
  state.isBroken ||= a.isBroken || b.isBroken
  if (state.select === null && a.select !== null && b.select !== null) state.select = selectedBy(at, a.select, b.select)
}

/** Null where they are of different numbers of experts: then each branch weighs its own. */
const selectedBy = (at: Join, training: Selection, otherwise: Selection): Selection | null =>
  !equalSizes(training.count, otherwise.count, at.frame.context.quotients)
    ? null
    : {
        count: otherwise.count,
        asked: otherwise.asked,
        scores: branch(at, training.scores, otherwise.scores),
        selected: branch(at, training.selected, otherwise.selected),
      }

/** A selection after a `when training` of which one branch selects is that of the other branch. */
export function completed(frame: Frame, selection: Selection, span: Span): Selection {
  const { blocks, isBranch } = frame.policy!
  const block = isBranch
    ? -1
    : blocks.findIndex(({ training, otherwise }) => (training.select === null) !== (otherwise.select === null))
  if (block < 0) return selection
  const { training, otherwise } = blocks[block]
  return selectedBy({ frame, block, span }, training.select ?? selection, otherwise.select ?? selection) ?? selection
}
