/** Which terms a module computes: what no output, loss or decision needs is not written, nor are its weights. */
import { tryStatic, type Values } from '../lower/environment.ts'
import { BUILTINS } from '../model/builtin/table.ts'
import {
  isTerm,
  type ApplyTerm,
  type CallTerm,
  type Loop,
  type MoeTerm,
  type Policy,
  type Step,
  type Term,
} from '../model/model.ts'
import { inside, turnsOf } from './values.ts'

/** Whether chance does nothing to the first operand in any step. */
export const isNeverNoisy = (values: Values, { builtin, operands: [, amount] }: ApplyTerm): boolean =>
  BUILTINS[builtin].random === 'noise' && amount.kind === 'scalar' && tryStatic(values, amount.value) === 0

/** What losses and metrics of a body report, those of blocks in loops not counted. */
export const reportsIn = (steps: readonly Step[]): readonly Term[] =>
  steps.flatMap((step) => (step.kind === 'loss' ? [step.loss.term] : step.kind === 'metric' ? [step.metric.term] : []))

/** The terms of every form of a policy. */
export function termsOfPolicy({ own, blocks }: Policy, hasScores: boolean): readonly Term[] {
  const sections = [own, ...blocks.flatMap(({ training, otherwise }) => [training, otherwise])]
  return sections.flatMap(({ steps, select, weights, keep }) => [
    ...(select === null ? [] : [select.selected, ...(hasScores ? [select.scores] : [])]),
    ...(weights === null ? [] : [weights]),
    ...(keep === null ? [] : [keep]),
    ...reportsIn(steps),
  ])
}

/** Whether a constraint reads the scores of the policy. */
export const needsScores = ({ rules: { expertChoice, limit } }: MoeTerm): boolean => expertChoice || limit?.overflow === 'next'

const termsOfMoe = (moe: MoeTerm): readonly Term[] => [
  moe.input,
  ...(moe.policy.ids === null ? [] : [moe.policy.ids.input]),
  ...termsOfPolicy(moe.policy, needsScores(moe)),
  moe.experts.body,
  ...moe.shared,
]

/** The loops in the steps of a call. */
const loopsOf = (steps: readonly Step[]): readonly Loop[] => steps.flatMap((step) => (step.kind === 'loop' ? [step.loop] : []))

/** Whether a loop reports something that no value of it needs. */
const reportsInLoop = ({ steps }: Loop): boolean => reportsIn(steps).length > 0 || loopsOf(steps).some(reportsInLoop)

/** The terms of one turn of a loop, or of the whole model outside of loops. */
export interface Reached {
  readonly terms: Set<Term>
  readonly turns: Map<Loop, readonly Reached[]>
}

/** Marks what is needed by these terms; a loop is followed turn by turn, since conditions may depend on its index. */
export function reach(values: Values, roots: readonly Term[], steps: readonly Step[]): Reached {
  const reached: Reached = { terms: new Set(), turns: new Map() }
  const open: Term[] = [...roots]
  const enter = (loop: Loop): readonly Term[] => {
    if (reached.turns.has(loop)) return []
    const needs = [...loop.carried.map((one) => one.next), ...reportsIn(loop.steps)]
    const turns = turnsOf(values, loop).map((turn) => reach(inside(values, { [loop.index]: turn }), needs, loop.steps))
    reached.turns.set(loop, turns)
    // a turn may be the only one that needs a value of the surroundings
    const around = turns.flatMap(({ terms }) => [...terms])
    for (const term of around) reached.terms.add(term)
    const loops = around.flatMap((term) => (term.kind === 'after' ? enter(term.loop) : []))
    return [...loop.carried.map(({ initial }) => initial), ...loops]
  }
  const ofCall = ({ steps: own, result }: CallTerm): readonly Term[] => [
    result,
    ...reportsIn(own),
    ...loopsOf(own).filter(reportsInLoop).flatMap(enter),
  ]
  const next = (term: Term): readonly Term[] => {
    switch (term.kind) {
      case 'apply':
        return isNeverNoisy(values, term) ? [term.operands[0]] : term.operands
      case 'call':
        return ofCall(term)
      case 'conditional': {
        const condition = tryStatic(values, term.condition)
        return condition === undefined ? [term.then, term.otherwise] : [condition === true ? term.then : term.otherwise]
      }
      case 'branch':
        return [term.training, term.otherwise]
      case 'bank':
        return [term.weight]
      case 'after':
        return enter(term.loop)
      case 'moe':
        return termsOfMoe(term)
      case 'every-expert':
        return [term.input]
      case 'eligible':
        return [term.scores]
      case 'input':
      case 'weight':
      case 'given':
      case 'scalar':
      case 'numbers':
      case 'carried':
        return []
      default:
        return term satisfies never
    }
  }
  for (const loop of loopsOf(steps).filter(reportsInLoop)) open.push(...enter(loop))
  while (open.length > 0) {
    const term = open.pop()!
    if (reached.terms.has(term)) continue
    reached.terms.add(term)
    open.push(...next(term))
  }
  return reached
}

/** Steps whose value is a term. */
export const isTermLet = (step: Step): step is Step & { kind: 'let'; value: Term } => step.kind === 'let' && isTerm(step.value)
