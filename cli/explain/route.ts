/** What a mixture of experts does with a token, in words and formulas, step by step. */
import {
  isTerm,
  type CallTerm,
  type MoeTerm,
  type Model,
  type ParameterFact,
  type Policy,
  type Route,
  type Step,
  type Term,
  type TrainingBlock,
} from '../../compiler/model/model.ts'
import { evaluateSize, staticText } from '../../compiler/model/static/static.ts'
import { AT_INFERENCE, isDrawn, routeIn } from '../../compiler/model/routing/forms.ts'
import type { Dim } from '../../plan/dim.ts'
import { newBook, type Book } from './book.ts'
import { definition, formula, resolved, typeOf } from './formula.ts'
import { promiseLine, ruleLines } from './rules.ts'

/** A size by its name and its number: `k = 2`. */
function sized(size: Dim, model: Model): string {
  const value = evaluateSize(size, (name) => model.values[name])
  return value === undefined || String(value) === size.key ? size.key : `${size.key} = ${value}`
}

function letLines(name: string, given: Term, doc: string, book: Book): readonly string[] {
  const value = resolved(given, book)
  // an alias of a named value, such as the initial value of a `var`
  if (book.get(value) !== undefined) return []
  const text = definition(value, book)
  return [`${book.name(value, name)}: ${typeOf(value)} = ${text}${doc === '' ? '' : `   ${doc.split('\n').join(' ')}`}`]
}

function stepLines(step: Step, book: Book): readonly string[] {
  switch (step.kind) {
    case 'param': {
      const name = book.name(step.term, step.name)
      return [`${name}: ${typeOf(step.term)} is a weight, ${step.term.path}${step.term.doc === '' ? '' : `: ${step.term.doc}`}`]
    }
    case 'let':
      return isTerm(step.value) ? letLines(step.name, step.value, step.doc, book) : [`${step.name} = ${staticText(step.value)}`]
    case 'once':
      return step.steps.flatMap((inner) => stepLines(inner, book)).map((line) => `once, when the weights are loaded: ${line}`)
    case 'loss':
      return [`loss ${step.loss.name} = ${formula(step.loss.term, book)}, added to the objective in training`]
    case 'metric':
      return [`metric ${step.metric.name} = ${formula(step.metric.term, book)}, reported in training`]
    case 'loop':
      return [`repeat ${step.loop.label}[${step.loop.index}] in ${step.loop.from.key}..${step.loop.to.key}`]
    // its steps are put in its place before
    case 'when':
      return []
    default:
      return step satisfies never
  }
}

/** The choice is told before the first step that speaks of what was chosen. */
function routeLines(steps: readonly Step[], route: Route, book: Book, moe: MoeTerm, model: Model): readonly string[] {
  const { scores, asked, selected, weights, keep } = route
  book.name(resolved(selected, book), 'selected')
  const lines = steps.flatMap((step) => stepLines(step, book))
  const largest = formula(scores, book)
  const choice = moe.rules.expertChoice
    ? `selected: ${typeOf(selected)}: every expert in the order of their numbers; they choose by the largest ${largest}`
    : `selected: ${typeOf(selected)}: each token chooses the ${sized(asked, model)} experts with the largest ${largest}; of equals the one with the lower index, NaN last`
  const kept =
    keep === null
      ? []
      : [`of those chosen are kept where ${formula(keep, book)}; the other slots are dropped: no expert, weight 0`]
  const first = lines.findIndex((line) => /\bselected\b/.test(line))
  const at = first < 0 ? lines.length : first
  return [
    ...lines.slice(0, at),
    choice,
    ...lines.slice(at),
    `each chosen expert's output is weighted by ${formula(weights, book)}`,
    ...kept,
    ...ruleLines(moe, route, (size) => sized(size, model), model),
  ]
}

const settings = ({ arguments: given }: CallTerm): readonly string[] =>
  given.flatMap(({ name, value }) => (isTerm(value) ? [] : [`${name} = ${staticText(value)}`]))

const called = (call: CallTerm): string =>
  settings(call).length === 0 ? call.name : `${call.name}(${settings(call).join(', ')})`

function expertLines({ name, steps, result }: CallTerm, rows: Term): readonly string[] {
  const book = newBook([[rows, 'x']])
  const lines = steps.flatMap((step) => stepLines(step, book))
  return [
    `an expert, ${name}_e(x), with weights of its own for each e:`,
    ...lines.map((line) => `      ${line}`),
    `      ${name}_e(x) = ${formula(result, book)}`,
  ]
}

function parameterLine({ name, value, given, range, doc }: ParameterFact): string {
  const shown = value === undefined ? staticText(given) : String(value)
  return `${name} = ${shown}${range === '' ? '' : ` (in ${range})`}${doc === '' ? '' : `: ${doc}`}`
}

const numbered = (lines: readonly string[]): readonly string[] =>
  lines.map((line, at) => `  ${String(at + 1).padStart(2)}. ${line}`)

function sumLine({ experts, shared, rules }: MoeTerm, { keep, count }: Route, model: Model): string {
  const canDrop = keep !== null || rules.limit !== null || rules.expertChoice
  const times = rules.limit?.overflow === 'shared' ? '(1 + dropped weight[t]) * ' : ''
  const always = shared.map((one, at) => ` + ${times}${one.name}_shared${shared.length > 1 ? `_${at}` : ''}(x[t])`).join('')
  return `y[t] = sum over the ${sized(count, model)} chosen e${canDrop ? ' that are kept' : ''} of weight[t, e] * ${experts.body.name}_e(x[t])${always}`
}

/** The steps of a policy in source order, including those of its blocks. */
const stepsIn = ({ own, blocks }: Policy, active: ReadonlySet<number>): readonly Step[] =>
  own.steps.flatMap((step) =>
    step.kind === 'when' ? blocks[step.block][active.has(step.block) ? 'training' : 'otherwise'].steps : [step],
  )

/** The steps of the policy with these blocks active, from the tokens to the sum. */
function formLines(moe: MoeTerm, active: ReadonlySet<number>, model: Model): readonly string[] {
  const route = routeIn(moe.policy, active)
  const book = newBook([[moe.rows, 'x']], active)
  return numbered([...routeLines(stepsIn(moe.policy, active), route, book, moe, model), sumLine(moe, route, model)])
}

function whenText({ rate, after, atMost, isTogether }: TrainingBlock): string {
  const parts = [
    rate === null ? 'in every step' : `in a share ${staticText(rate)} of the steps`,
    after === null ? '' : `after the first ${staticText(after)} of the training`,
    atMost === null ? '' : `in at most ${staticText(atMost)} layers a step`,
    isTogether ? 'with one draw for all layers' : '',
  ]
  return parts.filter((part) => part !== '').join(', ')
}

/** All training forms that differ from inference: with no drawn block, with each alone, and with all of them. */
function trainingForms({ blocks }: Policy): readonly { readonly title: string; readonly active: ReadonlySet<number> }[] {
  const at = blocks.map((_, block) => block)
  const always = at.filter((block) => !isDrawn(blocks[block]))
  const drawn = at.filter((block) => isDrawn(blocks[block]))
  const form = (title: string, more: readonly number[]) => ({
    title: `in training, ${title}, these take the place of the steps at inference:`,
    active: new Set([...always, ...more]),
  })
  const alone = drawn.length > 1 ? ', alone' : ''
  return [
    ...(always.length === 0 ? [] : [form(drawn.length === 0 ? 'in every step' : 'in the other steps', [])]),
    ...drawn.map((block) => form(`${whenText(blocks[block])}${alone}`, [block])),
    ...(drawn.length > 1 ? [form(`where ${drawn.length === 2 ? 'both' : `all ${drawn.length}`} happen in one step`, drawn)] : []),
  ]
}

/** Lines for one mixture. */
export function explainMoe(moe: MoeTerm, model: Model): readonly string[] {
  const { experts, policy, shared, constraints, rows, path } = moe
  const always = shared.length === 0 ? '' : `, and ${shared.length} of ${called(shared[0])} that are evaluated for every token`
  return [
    `${path.join('.')}: ${sized(experts.count, model)} experts of ${called(experts.body)}${always}, routed by ${policy.name}`,
    ...policy.doc
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => `  ${line}`),
    ...(policy.parameters.length === 0 ? [] : ['with', ...policy.parameters.map((parameter) => `  ${parameterLine(parameter)}`)]),
    `x: ${typeOf(rows)} are the tokens, a row each`,
    ...(policy.blocks.length === 0 ? [] : ['at inference:']),
    ...formLines(moe, AT_INFERENCE, model),
    ...trainingForms(policy).flatMap(({ title, active }) => [title, ...formLines(moe, active, model)]),
    ...expertLines(experts.body, experts.rows),
    ...constraints.map((fact) => promiseLine(fact, moe, model)),
  ]
}

export const explainRoutes = (model: Model): string =>
  model.moes.length === 0
    ? `${model.name} has no mixture of experts: nothing is routed\n`
    : `${model.moes.map((moe) => explainMoe(moe, model).join('\n')).join('\n\n')}\n`
