/** `when training { ... } else { ... }` in a policy: when it happens, and its two branches. */
import type { Expression, Statement, WhenTrainingStatement } from '../../../grammar/ast.ts'
import type { Span } from '../../../grammar/source.ts'
import { FORMULA_OPERATIONS, isFormulaOperation } from '../../../plan/formula.ts'
import { meet, restore, varsOf, type Ran } from './branches.ts'
import { complain, folds, verify, type Frame, type PolicyState } from '../context/context.ts'
import type { TrainingBlock, PolicySection } from '../model.ts'
import { createScope } from '../context/scope.ts'
import { changesByStep, evaluate, wordsIn, type Static } from '../static/static.ts'
import { waitsForRun, wantStatic } from '../types/compile-time.ts'
import { isDrawn } from './forms.ts'

interface Bounds {
  /** Whether it may change from step to step. */
  readonly mayChange: boolean
  readonly type: 'real' | 'int'
  readonly what: string
  readonly low: number
  readonly high: number
}

const RATE: Bounds = { mayChange: true, type: 'real', what: 'the rate', low: 0, high: 1 }
const AFTER: Bounds = { mayChange: false, type: 'real', what: 'the warm-up', low: 0, high: 1 }
const AT_MOST: Bounds = { mayChange: false, type: 'int', what: 'the number of layers', low: 1, high: Infinity }

/** A number of the head, checked against its bounds if known; null if absent, or after a mistake. */
function bounded(frame: Frame, node: Expression | null, { mayChange, type, what, low, high }: Bounds): Static | null {
  const value = node === null ? null : wantStatic({ ...frame, isTraining: true }, node, type, what)
  if (node === null || value === null || waitsForRun(frame, value, what, node.span, mayChange)) return null
  if (changesByStep(value) && !isTold(frame, value, node.span)) return null
  verify(frame, (lookup) => {
    const known = evaluate(value, lookup, folds) as number | undefined
    const outside = known !== undefined && !(known >= low && known <= high)
    return outside
      ? {
          code: 'SMOE4001',
          message: `${what} must be in ${low}..${high === Infinity ? '' : high}, not ${known}`,
          span: node.span,
        }
      : null
  })
  return value
}

/** Whether the runtime can evaluate it before the first step. */
function isTold(frame: Frame, value: Static, span: Span): boolean {
  const strange = wordsIn(value).find((word) => !isFormulaOperation(word))
  if (strange !== undefined) {
    complain(frame, {
      code: 'SMOE4005',
      message: `${strange} is not supported in a rate that changes from step to step`,
      span,
      help: `supported are ${FORMULA_OPERATIONS.join(', ')}`,
    })
  }
  return strange === undefined
}

/** The steps in which it runs. */
function headOf(
  frame: Frame,
  { rate, after, atMost, isTogether }: WhenTrainingStatement,
): Pick<TrainingBlock, 'rate' | 'after' | 'atMost' | 'isTogether'> {
  return {
    rate: bounded(frame, rate, RATE),
    after: bounded(frame, after, AFTER),
    atMost: bounded(frame, atMost, AT_MOST),
    isTogether: isTogether === true,
  }
}

/** Checks one branch; its assignments are undone, and are part of the result. */
function runBranch(frame: Frame, list: readonly Statement[], isTraining: boolean): Ran {
  const before = varsOf(frame.scope)
  const state: PolicyState = { ...frame.policy!, steps: [], isBranch: true }
  const inner: Frame = { ...frame, isTraining, policy: state, steps: state.steps, scope: createScope(frame.scope) }
  frame.context.walk.statements(inner, list)
  const vars = varsOf(frame.scope)
  restore(before)
  return { state, scope: inner.scope, vars }
}

/** What a branch itself selects, weighs and keeps. */
function sectionOf({ select, weights, keep }: PolicyState, { state }: Ran): PolicySection {
  const own = <K extends 'select' | 'weights' | 'keep'>(what: K, before: PolicyState[K]): PolicyState[K] =>
    state[what] === before ? null : state[what]
  return { steps: state.steps, select: own('select', select), weights: own('weights', weights), keep: own('keep', keep) }
}

/** Each block with a rate doubles the steps that are compiled. */
const MOST_DRAWN = 4

export function whenTraining(frame: Frame, statement: WhenTrainingStatement): void {
  const state = frame.policy!
  const { span } = statement
  if (state.isBranch) {
    complain(frame, { code: 'SMOE2012', message: '`when training` cannot be nested', span })
    return
  }
  if (frame.steps !== state.steps) {
    complain(frame, { code: 'SMOE2012', message: '`when training` is not allowed in a repeat', span })
    return
  }
  const head = headOf(frame, statement)
  if (isDrawn(head) && state.blocks.filter(isDrawn).length === MOST_DRAWN) {
    complain(frame, {
      code: 'SMOE4005',
      message: `a policy can have at most ${MOST_DRAWN} \`when training\` blocks that are active in only some steps`,
      span,
    })
    return
  }
  const [training, otherwise] = [runBranch(frame, statement.body, true), runBranch(frame, statement.otherwise ?? [], false)]
  const block = {
    ...head,
    span: { ...span, end: statement.body[0]?.span.start ?? span.end },
    training: sectionOf(state, training),
    otherwise: sectionOf(state, otherwise),
    count: otherwise.state.count,
    isBroken: training.state.isBroken || otherwise.state.isBroken,
  }
  frame.steps.push({ kind: 'when', block: state.blocks.length })
  meet(frame, training, otherwise, state.blocks.length, span)
  state.blocks.push(block)
}
