/** `moe(x) { experts ...; route ...; shared ...; require ... }`. */
import type { CallExpression, ExpertsClause, MoeExpression, RouteClause, SharedClause } from '../../../grammar/ast.ts'
import type { Span } from '../../../grammar/source.ts'
import { constantValue, product, symbol, type Dim } from '../../../plan/dim.ts'
import { asTerm } from '../expressions/apply.ts'
import { instantiate, type Instance } from '../expressions/call.ts'
import { claimPath } from '../weights/claims.ts'
import { constraintsOf, groupsFit, rulesOf, type Routed } from './constraints.ts'
import { complain, elaborate, originOf, valueOf, verify, wordsOf, type Frame } from '../context/context.ts'
import {
  EXPERT_ROWS,
  type CallTerm,
  type ConstraintFact,
  type ExpertBank,
  type GivenTerm,
  type MoeTerm,
  type Policy,
  type Term,
} from '../model.ts'
import type { Declared } from '../modules/modules.ts'
import { article } from '../context/names.ts'
import { policyOf } from './policy.ts'
import { readRequirements, type Requirement } from './requirements.ts'
import { mixedRows, wantExpertOutputs } from '../types/rows.ts'
import { evaluateSize, int } from '../static/static.ts'
import { ofTerm, termTypeText, UNKNOWN, type Value } from '../context/value.ts'
import { wanted } from './wanted.ts'
import { wantFixed } from '../types/compile-time.ts'

/** The only clause of a kind; reports a missing or second one. */
function only<T extends { readonly span: Span }>(
  frame: Frame,
  clauses: readonly T[],
  name: string,
  expression: MoeExpression,
): T | null {
  for (const extra of clauses.slice(1))
    complain(frame, {
      code: 'SMOE2003',
      message: `a moe can have only one \`${name}\``,
      span: extra.span,
      related: [{ span: clauses[0].span, message: 'the first' }],
    })
  if (clauses.length === 0 && !frame.declaration.isPartial) {
    complain(frame, {
      code: 'SMOE2013',
      message: `this moe has no \`${name}\``,
      span: { ...expression.span, end: expression.input.span.end + 1 },
    })
  }
  return clauses[0] ?? null
}

interface Rows {
  readonly input: Term
  readonly given: GivenTerm
  readonly leading: readonly Dim[]
  readonly width: Dim
}

const given = (frame: Frame, name: string, shape: readonly Dim[], span: Span): GivenTerm => ({
  kind: 'given',
  name,
  shape,
  dtype: 'f32',
  origin: originOf(frame, span),
})

/** Null where the type of the input is unknown. */
function rowsOf(frame: Frame, expression: MoeExpression): Rows | null {
  const { span } = expression.input
  const term = asTerm(frame, { value: elaborate(frame, expression.input), span })
  if (term === null) return null
  if (term.dtype !== 'f32' || term.shape.length < 2) {
    complain(frame, {
      code: 'SMOE3001',
      message: `moe takes f32[..., D], tokens on the axes before D, not ${termTypeText(term)}`,
      span,
    })
    return null
  }
  const leading = term.shape.slice(0, -1)
  const width = term.shape.at(-1)!
  return { input: term, given: given(frame, 'x', [product(leading), width], span), leading, width }
}

const MOST_EXPERTS = 65_536

function countOf(frame: Frame, count: ExpertsClause['count'], what: string): Dim | null {
  const size = wantFixed(frame, count, what)
  const ok =
    size !== null &&
    verify(frame, (lookup) => {
      const value = evaluateSize(size, lookup)
      const ok = value === undefined || (value >= 1 && value <= MOST_EXPERTS)
      return ok
        ? null
        : { code: 'SMOE4006', message: `${what} must be from 1 to ${MOST_EXPERTS}, not ${value}`, span: count.span }
    })
  return ok ? size : null
}

/** Experts of one declaration that share a bank. */
function bankOf(frame: Frame, clause: ExpertsClause, width: Dim | null): ExpertBank | null {
  const count = countOf(frame, clause.count, 'the number of experts')
  const found = wanted(frame, clause.of, 'expert')
  if (found === null) return null
  const rows = width === null ? null : given(frame, 'x', [symbol(EXPERT_ROWS), width], clause.of.span)
  const made = expertOf(frame, found, clause.of, rows, clause.of.label?.text ?? 'experts', {
    count: count ?? symbol('E'),
    depth: frame.path.length + 1,
  })
  return count === null || rows === null || made === null || made.term === null ? null : { count, rows, body: made.term }
}

function expertOf(
  frame: Frame,
  found: Declared,
  call: CallExpression,
  rows: GivenTerm | null,
  label: string,
  bank: Frame['bank'],
): Instance | null {
  const first = { value: rows === null ? UNKNOWN : ofTerm(rows), span: call.span }
  const made = instantiate(frame, found, { ...call, label: null }, { first, bank, givens: null, label })
  const term = made?.term ?? null
  if (term !== null && rows !== null) {
    frame.context.reporter.during(call.span, call.callee.text, () => {
      mixedRows(frame, term, rows)
      wantExpertOutputs(frame, term, rows, call.span)
    })
  }
  return made
}

/** Shared experts, which process every token. */
function sharedOf(frame: Frame, clause: SharedClause, rows: GivenTerm | null): readonly CallTerm[] {
  const count = countOf(frame, clause.count, 'the number of shared experts')
  const found = wanted(frame, clause.of, 'expert')
  if (found === null) return []
  const number = count === null ? 1 : (constantValue(count) ?? valueOf(frame, int(count)) ?? 1)
  const label = clause.of.label?.text ?? 'shared'
  const labels = number === 1 ? [label] : Array.from({ length: Number(number) }, (_, i) => `${label}.${i}`)
  const before = frame.context.reporter.count
  return labels.flatMap((one) => {
    if (frame.context.reporter.count > before) return []
    const made = expertOf(frame, found, clause.of, rows, one, null)
    return made?.term === null || made === null ? [] : [made.term]
  })
}

export function moe(frame: Frame, expression: MoeExpression): Value {
  const { span, label, clauses } = expression
  const { declares } = frame.declaration
  if (declares !== 'model' && declares !== 'block')
    return complain(frame, { code: 'SMOE2012', message: `moe is not allowed in ${article(declares)}`, span })
  if (frame.isTraining) return complain(frame, { code: 'SMOE2012', message: 'moe is not allowed in train', span })
  const { reporter } = frame.context
  const before = reporter.count
  const path = [...frame.path, label?.text ?? 'moe']
  const inner: Frame = { ...frame, path }
  const rows = rowsOf(frame, expression)
  const experts = only(
    frame,
    clauses.filter((one) => one.kind === 'experts'),
    'experts',
    expression,
  )
  const route = only(
    frame,
    clauses.filter((one) => one.kind === 'route'),
    'route',
    expression,
  )
  const made = parts(inner, expression, rows, experts, route)
  if (rows === null) {
    frame.context.broken.push(path.join('.'))
    return UNKNOWN
  }
  claimPath(frame, path, label?.span ?? { ...span, end: expression.input.span.start - 1 }, 'moe')
  const { bank } = made
  const width = bank?.body.shape.at(-1) ?? rows.width
  const shape = [...rows.leading, width]
  const odd = made.shared.find((one) => one.shape.at(-1) !== width)
  if (odd !== undefined && bank !== null)
    complain(frame, {
      code: 'SMOE3001',
      message: `a shared expert returns ${termTypeText(odd)}, the others ${termTypeText(bank.body)}`,
      span: odd.origin.span ?? span,
    })
  const { input } = rows
  if (bank === null || made.policy === null || reporter.count > before) {
    if (bank === null) frame.context.broken.push(path.join('.'))
    return ofTerm(given(frame, wordsOf(span), shape, span))
  }
  const term: MoeTerm = {
    kind: 'moe',
    path,
    input,
    rows: rows.given,
    tokens: product(rows.leading),
    experts: bank,
    policy: made.policy,
    shared: made.shared,
    constraints: made.constraints,
    rules: rulesOf(made.requirements),
    shape,
    dtype: 'f32',
    origin: originOf(inner, span),
  }
  frame.context.moes.push(term)
  return ofTerm(term)
}

/** Whether one of its forms keeps some of the selected experts only. */
const hasKeep = ({ own, blocks }: Policy): boolean =>
  [own, ...blocks.flatMap(({ training, otherwise }) => [training, otherwise])].some(({ keep }) => keep !== null)

interface Parts {
  readonly bank: ExpertBank | null
  readonly policy: Policy | null
  readonly shared: readonly CallTerm[]
  readonly constraints: readonly ConstraintFact[]
  readonly requirements: readonly Requirement[]
}

const NO_POLICY = { policy: null, selected: null }

function parts(
  frame: Frame,
  { clauses }: MoeExpression,
  rows: Rows | null,
  experts: ExpertsClause | null,
  route: RouteClause | null,
): Parts {
  const bank = experts === null ? null : bankOf(frame, experts, rows?.width ?? null)
  const count = bank?.count ?? (experts === null ? null : countOf(frame, experts.count, 'the number of experts')) ?? symbol('E')
  const width = bank?.body.shape.at(-1) ?? rows?.width ?? symbol('D')
  const tokens = rows === null ? null : product(rows.leading)
  const routed: Routed = { count, selected: null, tokens, keeper: null, hasShared: clauses.some(({ kind }) => kind === 'shared') }
  const requirements = readRequirements(
    frame,
    clauses.flatMap((clause) => (clause.kind === 'require' ? [clause.constraint] : [])),
  ).filter((one) => groupsFit(frame, one, routed))
  const { policy, selected } =
    route === null
      ? NO_POLICY
      : policyOf(frame, route.policy, {
          rows: rows?.given ?? null,
          leading: rows?.leading ?? [],
          count,
          width,
          bank,
          requirements,
        })
  const shared = clauses.flatMap((clause) => (clause.kind === 'shared' ? sharedOf(frame, clause, rows?.given ?? null) : []))
  const keeper = policy !== null && hasKeep(policy) ? policy.name : null
  const constraints = constraintsOf(frame, requirements, { ...routed, selected, keeper })
  return { bank, policy, shared, constraints, requirements }
}
