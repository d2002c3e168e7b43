/** A checked model as an outline: parameters, dims, inputs, steps, outputs and where its weights lie. */
import { isTerm, type CallTerm, type Model, type Step, type Term, type WeightFact } from '../../compiler/model/model.ts'
import { staticText } from '../../compiler/model/static/static.ts'
import { definition, formula, typeOf } from './formula.ts'
import { explainMoe } from './route.ts'

type Book = Map<Term, string>

const indent = (lines: readonly string[]): readonly string[] => lines.map((line) => `  ${line}`)

function stepLines(step: Step, book: Book): readonly string[] {
  switch (step.kind) {
    case 'param':
      book.set(step.term, step.name)
      return [`param ${step.name}: ${typeOf(step.term)}`]
    case 'let': {
      if (!isTerm(step.value)) return [`let ${step.name} = ${staticText(step.value)}`]
      const text = definition(step.value, book)
      book.set(step.value, step.name)
      return [`let ${step.name}: ${typeOf(step.value)} = ${text}`]
    }
    case 'loop': {
      const { label, index, from, to, carried, steps } = step.loop
      const head = `repeat ${label}[${index}] in ${from.key}..${to.key}, carrying ${carried.map(({ name }) => name).join(', ') || 'nothing'}`
      return [head, ...indent(steps.flatMap((inner) => stepLines(inner, book)))]
    }
    case 'once':
      return ['once', ...indent(step.steps.flatMap((inner) => stepLines(inner, book)))]
    case 'loss':
      return [`loss ${step.loss.name} = ${formula(step.loss.term, book)}`]
    case 'metric':
      return [`metric ${step.metric.name} = ${formula(step.metric.term, book)}`]
    // the forms of a policy are explained with its moe
    case 'when':
      return []
    default:
      return step satisfies never
  }
}

/** The direct subterms of a term, in source order; the subterm of a call is its `result`. */
function heldBy(term: Term): readonly Term[] {
  switch (term.kind) {
    case 'apply':
      return term.operands
    case 'conditional':
      return [term.then, term.otherwise]
    case 'after':
      return term.loop.carried.flatMap(({ initial, next }) => [initial, next])
    case 'branch':
      return [term.training, term.otherwise]
    case 'moe':
    case 'every-expert':
      return [term.input]
    case 'eligible':
      return [term.scores]
    case 'call':
      return term.arguments.flatMap(({ value }) => (isTerm(value) ? [value] : []))
    case 'input':
    case 'weight':
    case 'bank':
    case 'given':
    case 'scalar':
    case 'numbers':
    case 'carried':
      return []
    default:
      return term satisfies never
  }
}

/** Every call in a term, once each, in source order: arguments, the call, then calls in its body. */
function callsIn(model: Model): readonly CallTerm[] {
  const calls = new Set<CallTerm>()
  const seen = new Set<Term>()
  const waiting: (Term | { readonly call: CallTerm })[] = model.outputs.map(({ term }) => term).reverse()
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if ('call' in next) {
      if (next.call.declares !== 'fn') calls.add(next.call)
      continue
    }
    if (seen.has(next)) continue
    seen.add(next)
    const behind = next.kind === 'call' ? [{ call: next }, next.result] : []
    waiting.push(...[...heldBy(next), ...behind].reverse())
  }
  return [...calls]
}

function callLines({ name, path, arguments: given, steps, result }: CallTerm): readonly string[] {
  const book: Book = new Map()
  for (const { name: parameter, value } of given) if (isTerm(value)) book.set(value, parameter)
  const head = given
    .map(({ name: parameter, value }) =>
      isTerm(value) ? `${parameter}: ${typeOf(value)}` : `${parameter} = ${staticText(value)}`,
    )
    .join(', ')
  const body = steps.flatMap((step) => stepLines(step, book))
  return [`${path.join('.')} = ${name}(${head})`, ...indent([...body, `return ${formula(result, book)}`])]
}

function weightLine({ term, source }: WeightFact): string {
  const from =
    source === null
      ? 'its own name'
      : `"${source.template}"${source.slices.length > 0 ? ', sliced' : ''}${source.transpose ? ', transposed' : ''}`
  const bank = term.bank === null ? '' : `, one for each of ${term.bank.key}`
  return `${term.path}: ${typeOf(term)}${bank} from ${from}`
}

export function outlineModel(model: Model): string {
  const book: Book = new Map()
  const lines = [
    `model ${model.name}`,
    ...indent(model.doc.split('\n').filter((line) => line !== '')),
    ...indent(
      model.parameters.map(
        ({ name, type, value, range }) => `${name}: ${type} = ${String(value)}${range === '' ? '' : ` (in ${range})`}`,
      ),
    ),
    ...indent(model.dims.map(({ name, doc }) => `dim ${name}, known at a run${doc === '' ? '' : `: ${doc}`}`)),
    ...indent(model.inputs.map((input) => `input ${input.name}: ${typeOf(input)}${input.doc === '' ? '' : `   ${input.doc}`}`)),
    ...indent(model.steps.flatMap((step) => stepLines(step, book))),
    ...indent(model.outputs.map(({ name, term }) => `output ${name}: ${typeOf(term)} = ${formula(term, book)}`)),
  ]
  const sections = [
    lines,
    ...callsIn(model).map(callLines),
    ...model.moes.map((moe) => explainMoe(moe, model)),
    ['weights', ...indent(model.weights.map(weightLine))],
  ]
  return `${sections.map((section) => section.join('\n')).join('\n\n')}\n`
}
