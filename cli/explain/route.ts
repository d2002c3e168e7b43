/** What a mixture of experts does with a token, in words and formulas, step by step. */
import { isTerm, type CallTerm, type MoeTerm, type Model, type ParameterFact, type Route, type Step, type Term } from '../../compiler/model/model.ts'
import { evaluateSize, staticText } from '../../compiler/model/static.ts'
import type { Dim } from '../../plan/dim.ts'
import { definition, formula, typeOf } from './formula.ts'
import { promiseLine, ruleLines } from './rules.ts'

/** Term -> the name it goes by; grows as lets are told. */
type Book = Map<Term, string>

/** A size by its name and its number: `k = 2`. */
function sized(size: Dim, model: Model): string {
  const value = evaluateSize(size, (name) => model.values[name])
  return value === undefined || String(value) === size.key ? size.key : `${size.key} = ${value}`
}

function stepLines(step: Step, book: Book): readonly string[] {
  switch (step.kind) {
    case 'param': {
      book.set(step.term, step.name)
      return [`${step.name}: ${typeOf(step.term)} is a weight, ${step.term.path}${step.term.doc === '' ? '' : `: ${step.term.doc}`}`]
    }
    case 'let': {
      if (!isTerm(step.value)) return [`${step.name} = ${staticText(step.value)}`]
      const text = definition(step.value, book)
      book.set(step.value, step.name)
      return [`${step.name}: ${typeOf(step.value)} = ${text}${step.doc === '' ? '' : `   ${step.doc.split('\n').join(' ')}`}`]
    }
    case 'once': return step.steps.flatMap((inner) => stepLines(inner, book)).map((line) => `once, when the weights are loaded: ${line}`)
    case 'loss': return [`loss ${step.loss.name} = ${formula(step.loss.term, book)}, added to the objective in training`]
    case 'metric': return [`metric ${step.metric.name} = ${formula(step.metric.term, book)}, reported in training`]
    case 'loop': return [`repeat ${step.loop.label}[${step.loop.index}] in ${step.loop.from.key}..${step.loop.to.key}`]
    default: return step satisfies never
  }
}

/** The choice is told before the first step that speaks of what was chosen. */
function routeLines(steps: readonly Step[], route: Route, book: Book, moe: MoeTerm, model: Model): readonly string[] {
  const { scores, asked, selected, weights, keep } = route
  book.set(selected, 'selected')
  const lines = steps.flatMap((step) => stepLines(step, book))
  const largest = formula(scores, book)
  const choice = moe.rules.expertChoice
    ? `selected: ${typeOf(selected)}: every expert in the order of their numbers; they choose by the largest ${largest}`
    : `selected: ${typeOf(selected)}: each token chooses the ${sized(asked, model)} experts with the largest ${largest}; of equals the one with the lower index, NaN last`
  const kept = keep === null ? [] : [`of those chosen answer where ${formula(keep, book)}; the other slots are dropped: no expert, weight 0`]
  const first = lines.findIndex((line) => /\bselected\b/.test(line))
  const at = first < 0 ? lines.length : first
  return [...lines.slice(0, at), choice, ...lines.slice(at), `each chosen expert's answer is weighed by ${formula(weights, book)}`, ...kept, ...ruleLines(moe, route, (size) => sized(size, model), model)]
}

const settings = ({ arguments: given }: CallTerm): readonly string[] =>
  given.flatMap(({ name, value }) => (isTerm(value) ? [] : [`${name} = ${staticText(value)}`]))

const called = (call: CallTerm): string => (settings(call).length === 0 ? call.name : `${call.name}(${settings(call).join(', ')})`)

function expertLines({ name, steps, result }: CallTerm, rows: Term): readonly string[] {
  const book: Book = new Map([[rows, 'x']])
  const lines = steps.flatMap((step) => stepLines(step, book))
  return [`an expert, ${name}_e(x), with weights of its own for each e:`, ...lines.map((line) => `      ${line}`), `      ${name}_e(x) = ${formula(result, book)}`]
}

function parameterLine({ name, value, given, range, doc }: ParameterFact): string {
  const shown = value === undefined ? staticText(given) : String(value)
  return `${name} = ${shown}${range === '' ? '' : ` (in ${range})`}${doc === '' ? '' : `: ${doc}`}`
}

const numbered = (lines: readonly string[]): readonly string[] => lines.map((line, at) => `  ${String(at + 1).padStart(2)}. ${line}`)

function trainingLines(moe: MoeTerm, book: Book, model: Model): readonly string[] {
  const { policy } = moe
  const { training, inference } = policy
  if (training === null) return []
  const { rate, after, atMost } = training
  const when = [
    rate === null ? 'in every step' : `in a share ${staticText(rate)} of the steps`,
    after === null ? '' : `after the first ${staticText(after)} of the training`,
    atMost === null ? '' : `in at most ${staticText(atMost)} layers a step`,
  ].filter((part) => part !== '')
  const replaced = inference.steps.length === 1 ? 'step' : `${inference.steps.length} steps`
  return ['', `in training, ${when.join(', ')}, these take the place of the last ${replaced}, the choice and the weights:`, ...numbered(routeLines(training.steps, training, book, moe, model))]
}

function sumLine({ experts, policy, shared, rules }: MoeTerm, model: Model): string {
  const canDrop = policy.inference.keep !== null || rules.limit !== null || rules.expertChoice
  const times = rules.limit?.overflow === 'shared' ? '(1 + dropped weight[t]) * ' : ''
  const always = shared.map((one, at) => ` + ${times}${one.name}_shared${shared.length > 1 ? `_${at}` : ''}(x[t])`).join('')
  return `y[t] = sum over the ${sized(policy.inference.count, model)} chosen e${canDrop ? ' that answer' : ''} of weight[t, e] * ${experts.body.name}_e(x[t])${always}`
}

/** Lines for one mixture. */
export function explainMoe(moe: MoeTerm, model: Model): readonly string[] {
  const { experts, policy, shared, constraints, rows, path } = moe
  const book: Book = new Map([[rows, 'x']])
  const training = new Map(book)
  policy.steps.forEach((step) => stepLines(step, training))
  const always = shared.length === 0 ? '' : `, and ${shared.length} of ${called(shared[0])} that answer every token`
  return [
    `${path.join('.')}: ${sized(experts.count, model)} experts of ${called(experts.body)}${always}, routed by ${policy.name}`,
    ...policy.doc.split('\n').filter((line) => line !== '').map((line) => `  ${line}`),
    ...(policy.parameters.length === 0 ? [] : ['with', ...policy.parameters.map((parameter) => `  ${parameterLine(parameter)}`)]),
    `x: ${typeOf(rows)} are the tokens, a row each`,
    ...numbered([...routeLines([...policy.steps, ...policy.inference.steps], policy.inference, book, moe, model), sumLine(moe, model)]),
    ...expertLines(experts.body, experts.rows),
    ...constraints.map((fact) => promiseLine(fact, moe, model)),
    ...trainingLines(moe, training, model),
  ]
}

export const explainRoutes = (model: Model): string =>
  model.moes.length === 0
    ? `${model.name} has no mixture of experts: nothing is routed\n`
    : `${model.moes.map((moe) => explainMoe(moe, model).join('\n')).join('\n\n')}\n`
