/** The spec of a dense model with experts in the place of each network: words are put where a call stood, and laid out anew. */
import type { CallExpression, Declaration, File } from '../../grammar/ast.ts'
import { parse } from '../../grammar/parse.ts'
import { print } from '../../grammar/print.ts'
import { textOf, type Source, type Span } from '../../grammar/source.ts'
import { EXIT, Failure } from '../exit.ts'

export interface Sparse {
  readonly experts: number
  /** Experts of a token. */
  readonly topK: number
  /** Parts that each network is cut into; an expert is one of them. */
  readonly granularity: number
  /** A policy of `std/policies`, and its arguments besides k, as they stand in a spec. */
  readonly policy: string
  readonly settings: string
}

export interface SparseSpec {
  readonly text: string
  /** The label of the networks, `mlp`; that of the layers with experts is `moe`. */
  readonly label: string
  /** The label of the norms before them -> what it was; empty where it is another. */
  readonly renamed: Readonly<Record<string, string>>
}

interface Network {
  readonly module: string
  readonly expert: string
  /** Arguments that the expert has too. */
  readonly taken: readonly string[]
}

/** Networks of `std/blocks/mlp`, and the expert of `std` that computes the same. */
const NETWORKS: Readonly<Record<string, Network>> = {
  swiglu_mlp: { module: 'std/experts/swiglu', expert: 'swiglu', taken: [] },
  geglu_mlp: { module: 'std/experts/geglu', expert: 'geglu', taken: ['tanh'] },
}

interface Edit {
  readonly span: Pick<Span, 'start' | 'end'>
  readonly text: string
}

const edited = (text: string, edits: readonly Edit[]): string =>
  edits
    .toSorted((a, b) => b.span.start - a.span.start)
    .reduce((made, { span, text: words }) => made.slice(0, span.start) + words + made.slice(span.end), text)

/** Every call inside of a part of the tree. */
function* callsIn(part: unknown): Generator<CallExpression> {
  if (typeof part !== 'object' || part === null) return
  if ('kind' in part && part.kind === 'call') yield part as CallExpression
  for (const [name, inner] of Object.entries(part)) if (name !== 'span' && name !== 'source') yield* callsIn(inner)
}

const hasMoe = (part: unknown): boolean =>
  typeof part === 'object' &&
  part !== null &&
  (('kind' in part && part.kind === 'moe') ||
    Object.entries(part).some(([name, inner]) => name !== 'span' && name !== 'source' && hasMoe(inner)))

/** Local name -> network. */
function networksOf({ imports }: File): ReadonlyMap<string, Network> {
  const names = imports.flatMap((one) => one.names)
  return new Map(
    names.flatMap(({ name, alias }): readonly (readonly [string, Network])[] =>
      Object.hasOwn(NETWORKS, name.text) ? [[(alias ?? name).text, NETWORKS[name.text]]] : [],
    ),
  )
}

/** The lines of imports without networks, and with what the experts need, by their modules. */
function importLines({ imports }: File, added: readonly (readonly [name: string, module: string])[]): string {
  const kept = imports.map(({ names, from }) => ({
    names: names.filter(({ name }) => !Object.hasOwn(NETWORKS, name.text)).map(({ span }) => textOf(span)),
    module: from.value,
  }))
  const all = [...kept, ...added.map(([name, module]) => ({ names: [name], module }))]
  return all
    .filter(({ names }) => names.length > 0)
    .toSorted((one, other) => (one.module < other.module ? -1 : 1))
    .map(({ names, module }) => `import { ${names.join(', ')} } from "${module}"\n`)
    .join('')
}

const NORM = /^mlp_norm$/
const NEW_NORM = 'moe_norm'

/** `moe(x) { ... }` in the place of `swiglu_mlp(x, F = F) as mlp`. Throws a Failure for an argument that the expert lacks. */
function routedCall(call: CallExpression, { expert, taken }: Network, { granularity, policy, settings }: Sparse): Edit {
  const [input] = call.arguments.filter(({ name }) => name === null)
  const named = call.arguments.flatMap(({ name, value }) =>
    name === null ? [] : [{ name: name.text, text: textOf(value.span) }],
  )
  const odd = named.find(({ name }) => name !== 'F' && !taken.includes(name))
  if (odd !== undefined)
    throw new Failure(EXIT.usage, `'${textOf(call.span)}' has ${odd.name}, which the expert '${expert}' of std has not`)
  const width = named.find(({ name }) => name === 'F')!.text
  const own = named.filter(({ name }) => taken.includes(name)).map(({ name, text }) => `${name} = ${text}`)
  const given = [`F = ${granularity === 1 ? width : `(${width}) / ${granularity}`}`, ...own].join(', ')
  const x = callsNorm(input.value) ? textOf(input.span).replace(/\bas mlp_norm\b/, `as ${NEW_NORM}`) : textOf(input.span)
  const route = [`k = k`, ...(settings === '' ? [] : [settings])].join(', ')
  const text = `moe(${x}) {\n experts E of ${expert}(${given})\n route ${policy}(${route})\n require dropless\n}`
  return { span: call.span, text }
}

/** Whether it is a call with the label that norms before networks have. */
const callsNorm = (value: CallExpression['arguments'][number]['value']): boolean =>
  value.kind === 'call' && NORM.test(value.label?.text ?? '')

const parametersText = ({ experts, topK }: Sparse): string =>
  `E: int in 1.. = ${experts},  /// Experts in a layer.\n  k: int in 1..E = ${topK},  /// Experts that answer for a token.\n  `

/** Throws a Failure for a model whose networks are not those of `std`, or whose layers have experts. */
export function sparseSpec(source: Source, sparse: Sparse): SparseSpec {
  const { file } = parse(source)
  const model = file.declarations.find(({ declares }) => declares === 'model') as Declaration
  if (hasMoe(model)) throw new Failure(EXIT.usage, `'${model.name.text}' has experts: a dense model is made sparse`)
  const networks = networksOf(file)
  const calls = [...callsIn(model.body)].filter(({ callee }) => networks.has(callee.text))
  if (calls.length === 0)
    throw new Failure(
      EXIT.usage,
      `'${model.name.text}' has no networks that experts of std compute: ${Object.keys(NETWORKS).join(', ')}`,
    )
  const labels = [...new Set(calls.map(({ callee, label }) => (label ?? callee).text))]
  if (labels.length > 1) throw new Failure(EXIT.usage, `networks are called ${labels.join(' and ')}: one name is needed`)
  const used = new Map(calls.map(({ callee }) => [networks.get(callee.text)!.expert, networks.get(callee.text)!.module]))
  const added = [...used, [sparse.policy, `std/policies/${sparse.policy}`] as const]
  const weights = model.body.filter(({ kind }) => kind === 'weights')
  const isRenamed = calls.every(({ arguments: [input] }) => callsNorm(input.value))
  const edits: readonly Edit[] = [
    ...file.imports.map(({ span }) => ({ span, text: '' })),
    { span: { start: model.parameters[0].span.start, end: model.parameters[0].span.start }, text: parametersText(sparse) },
    ...calls.map((call) => routedCall(call, networks.get(call.callee.text)!, sparse)),
    // weights are stored by their paths
    ...weights.map(({ span }) => ({ span, text: '' })),
  ]
  const text = print(parse({ ...source, text: `${importLines(file, added)}\n${edited(source.text, edits).trimStart()}` }).file)
  return { text, label: labels[0], renamed: isRenamed ? { [NEW_NORM]: 'mlp_norm' } : {} }
}
