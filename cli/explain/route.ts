/** What a mixture of experts does with a token, in words and formulas, step by step. */
import type { CallTerm, MoeTerm, Model, ParameterFact, Policy, Route, Step, Term } from '../../compiler/model/model.ts'
import { isTerm } from '../../compiler/model/model.ts'
import { staticText } from '../../compiler/model/static.ts'
import { constantValue } from '../../plan/dim.ts'
import { definition, formula, typeOf } from './formula.ts'

/** Names come from the lets before; the words that bring a let are its own line. */
type Book = Map<Term, string>

const numbered = (count: string): string => (count === '1' ? 'the expert' : `the ${count} experts`)

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
    case 'loop': return [`repeat ${step.loop.label}[${step.loop.index}] in ${step.loop.from.key}..${step.loop.to.key}`]
    default: return step satisfies never
  }
}

function routeLines({ steps, scores, count, selected, weights }: Route, book: Book): readonly string[] {
  const worked = steps.flatMap((step) => stepLines(step, book))
  book.set(selected, 'selected')
  const chosen = numbered(String(constantValue(count) ?? count.key))
  return [
    ...worked,
    `choose, for each token, ${chosen} with the largest ${formula(scores, book)}; of equals, the one with the lower index; NaN comes last`,
    `weigh each chosen expert's answer by ${formula(weights, book)}`,
  ]
}

const bodyCall = ({ name, arguments: given }: CallTerm): string => {
  const settings = given.flatMap(({ name: parameter, value }) => (isTerm(value) ? [] : [`${parameter} = ${staticText(value)}`]))
  return settings.length === 0 ? name : `${name}(${settings.join(', ')})`
}

function parameterLine({ name, value, given, range, doc }: ParameterFact): string {
  const shown = value === undefined ? staticText(given) : String(value)
  return `${name} = ${shown}${range === '' ? '' : ` (in ${range})`}${doc === '' ? '' : `: ${doc}`}`
}

const numberedList = (lines: readonly string[]): readonly string[] => lines.map((line, at) => `  ${String(at + 1).padStart(2)}. ${line}`)

function trainingLines({ training }: Policy, book: Book): readonly string[] {
  if (training === null) return []
  const { rate, after, atMost } = training
  const words = [
    rate === null ? 'in every step' : `in a share ${staticText(rate)} of the steps`,
    after === null ? '' : `after the first ${staticText(after)} of the training`,
    atMost === null ? '' : `in at most ${staticText(atMost)} layers a step`,
  ].filter((part) => part !== '')
  return ['', `in training, ${words.join(', ')}, these steps take the place of the last ones:`, ...numberedList(routeLines(training, new Map(book)))]
}

/** Lines for one mixture. */
export function explainMoe(moe: MoeTerm): readonly string[] {
  const { experts, policy, shared, constraints, rows } = moe
  const book: Book = new Map([[rows, 'x']])
  const common = policy.steps.flatMap((step) => stepLines(step, book))
  const afterCommon = new Map(book)
  const inference = routeLines(policy.inference, book)
  const count = String(constantValue(experts.count) ?? experts.count.key)
  const sum = `y[t] = sum over ${numbered(String(constantValue(policy.inference.count) ?? policy.inference.count.key))} e chosen for t of weight[t, e] * ${experts.body.name}_e(x[t])`
  const always = shared.map((one, at) => ` + ${one.name}_shared${shared.length > 1 ? at : ''}(x[t])`).join('')
  return [
    `${moe.path.join('.')}: ${count} experts of ${bodyCall(experts.body)}${shared.length > 0 ? `, and ${shared.length} that answer every token` : ''}, routed by ${policy.name}`,
    ...policy.doc.split('\n').filter((line) => line !== '').map((line) => `  ${line}`),
    ...(policy.parameters.length === 0 ? [] : ['with', ...policy.parameters.map((parameter) => `  ${parameterLine(parameter)}`)]),
    `x: ${typeOf(rows)} are the tokens, a row each`,
    ...numberedList([...common, ...inference]),
    `then ${sum}${always}`,
    ...constraints.map(({ text }) => `require ${text}`),
    ...trainingLines(policy, afterCommon),
  ]
}

export const explainRoutes = (model: Model): string =>
  model.moes.length === 0 ? `${model.name} has no mixture of experts: nothing is routed\n` : `${model.moes.map((moe) => explainMoe(moe).join('\n')).join('\n\n')}\n`
