/** A spec whose routed layers are routed by another policy: the tree is changed and printed, so that comments stay. */
import type { Argument, CallExpression, Expression, File, Import, MoeExpression, RouteClause } from '../../grammar/ast.ts'
import { parse } from '../../grammar/parse.ts'
import { print } from '../../grammar/print.ts'
import { textOf, type Source, type Span } from '../../grammar/source.ts'
import { changeMoes } from './walk.ts'

export const POLICIES = ['spectral', 'spectral_pair'] as const

export interface Blend {
  /** For experts of three matrices, gate, up and down, or of two, up and down. */
  readonly policy: (typeof POLICIES)[number]
  /** How much the experts' own directions count beside the gate, 0..1. */
  readonly alpha: number
  /** Singular vectors of each matrix that make an expert's direction. */
  readonly topC: number
}

export type Rewritten =
  | {
      readonly kind: 'spec'
      readonly text: string
      /** Whether every route was by the old router alone: what `alpha = 0` means anyway. */
      readonly wasPlain: boolean
    }
  | { readonly kind: 'refused'; readonly message: string }

const MODULE = 'std/policies/spectral'
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  'std/policies/top_k': ['top_k'],
  'std/policies/softmax_of_top_k': ['softmax_of_top_k'],
  [MODULE]: POLICIES,
}

/** Policies of the library whose routing a blend with the experts' directions cannot express -> why. */
const INEXPRESSIBLE: Readonly<Record<string, string>> = {
  biased_top_k: 'experts are selected by scores with a bias and weighed by scores without it',
  deepseek_v3: 'scores are sigmoids, with a bias for the selection, and not the probabilities that spectral blends',
  group_limited_top_k: 'experts are selected among those of the best groups alone',
  scaled_top_k: "the router's input and the weights of experts have learned factors",
  sigmoid_top_k: 'scores are sigmoids, and not the probabilities that spectral blends',
  sparse_mixer: 'each of the two experts is weighed by a softmax of its own',
}

const moduleOf = ({ from }: Import): string => from.value.replace(/\.smoe$/, '')

/** Local names of the policies that can be rerouted: alias -> policy. */
function policiesOf({ imports }: File): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const one of imports) {
    const known = Object.hasOwn(KNOWN, moduleOf(one)) ? KNOWN[moduleOf(one)] : []
    for (const { name, alias } of one.names) if (known.includes(name.text)) found.set((alias ?? name).text, name.text)
  }
  return found
}

/** Why a policy is not rerouted, where that is known: a sentence behind the message. */
function reasonOf({ imports }: File, local: string): string {
  const policy = imports.flatMap(({ names }) => names).find(({ name, alias }) => (alias ?? name).text === local)?.name.text ?? ''
  return Object.hasOwn(INEXPRESSIBLE, policy) ? ` (${policy}: ${INEXPRESSIBLE[policy]})` : ''
}

/** A name that nothing in the file has. */
function freeName({ imports, declarations }: File, wanted: string): string {
  const own = imports
    .filter((one) => moduleOf(one) !== MODULE)
    .flatMap(({ names }) => names.map(({ name, alias }) => (alias ?? name).text))
  const taken = new Set([...own, ...declarations.map(({ name }) => name.text)])
  for (let at = 1; ; at++) {
    const name = at === 1 ? wanted : `${wanted}_${at}`
    if (!taken.has(name)) return name
  }
}

/** The value of a parameter in a call; null where the default holds. Positions as the policy declares them. */
function given({ arguments: all }: CallExpression, name: string, position: number): Expression | null {
  return (
    (all.find((argument) => argument.name?.text === name) ?? all.filter((argument) => argument.name === null)[position])?.value ??
    null
  )
}

interface Carried {
  readonly name: string
  readonly value: Expression
}

/** Where parameters stand that may be given by position, and whether weights are renormalised where nothing is said. */
const SIGNATURES: Readonly<Record<string, { readonly positions: readonly string[]; readonly renormalises: boolean }>> = {
  top_k: { positions: ['k', 'renormalise', 'power', 'scale'], renormalises: true },
  // a softmax over the selected alone is the softmax over all, renormalised
  softmax_of_top_k: { positions: ['k', 'biases'], renormalises: true },
  spectral: { positions: ['k', 'alpha', 'c', 'renormalise', 'biases', 'scale'], renormalises: false },
  spectral_pair: { positions: ['k', 'alpha', 'c', 'renormalise', 'scale'], renormalises: false },
}

/** The argument of an old call, by its name or its place; null where the default holds. */
function argumentOf(policy: string, call: CallExpression, name: string): Expression | null {
  const { positions } = SIGNATURES[policy]
  return positions.includes(name) ? given(call, name, positions.indexOf(name)) : null
}

/** Parameters that the new route takes over where they are given. */
const TAKEN = ['biases', 'scale'] as const

/** The parameter of an old call that the new policy does not have; null where there is none. */
function missingIn(target: Blend['policy'], policy: string, call: CallExpression): string | null {
  const { positions } = SIGNATURES[target]
  const names = ['power', ...TAKEN].filter((name) => !positions.includes(name))
  return names.find((name) => argumentOf(policy, call, name) !== null) ?? null
}

/** What the new route takes over from the old one. */
function carried(policy: string, call: CallExpression, at: Span): readonly Carried[] {
  const { renormalises } = SIGNATURES[policy]
  const value = (name: string): Expression | null => argumentOf(policy, call, name)
  return [
    { name: 'k', value: value('k') ?? { kind: 'number', value: 2, isInteger: true, span: at } },
    { name: 'renormalise', value: value('renormalise') ?? { kind: 'boolean', value: renormalises, span: at } },
    ...TAKEN.flatMap((name): readonly Carried[] => {
      const taken = value(name)
      return taken === null ? [] : [{ name, value: taken }]
    }),
  ]
}

/** `spectral(k = k, alpha = 0.5, c = 50, renormalise = true)` in the place of the old call. */
function spectralCall(call: CallExpression, policy: string, name: string, { alpha, topC }: Blend): CallExpression {
  // new words have no place of their own: right after the name no comment is drawn to them
  const at = { ...call.span, start: call.callee.span.end, end: call.callee.span.end }
  const argument = ({ name: text, value }: Carried): Argument => ({ span: at, name: { text, span: at }, value })
  const [k, ...rest] = carried(policy, call, at)
  const own = [
    { name: 'alpha', value: { kind: 'number', value: alpha, isInteger: false, span: at } },
    { name: 'c', value: { kind: 'number', value: topC, isInteger: true, span: at } },
  ] as const
  return { ...call, callee: { ...call.callee, text: name }, arguments: [k, ...own, ...rest].map(argument) }
}

/** The import of the new policy in the place of the old one's. */
function changeImports(file: File, policy: string, name: string): readonly Import[] {
  const isOld = (one: Import): boolean => Object.hasOwn(KNOWN, moduleOf(one))
  const first = file.imports.find(isOld)!
  const span = { ...first.span, end: first.span.start }
  const text = (words: string): { readonly text: string; readonly span: Span } => ({ text: words, span })
  const alias = name === policy ? null : text(name)
  const made: Import = {
    span: first.span,
    names: [{ name: text(policy), alias, span }],
    from: { kind: 'string', value: MODULE, span },
  }
  return file.imports.flatMap((one) => (one === first ? [made] : isOld(one) ? [] : [one]))
}

const routeOf = ({ clauses }: MoeExpression): RouteClause | null => clauses.find((clause) => clause.kind === 'route') ?? null

/** Routes every moe of a file without mistakes by `spectral`; what other policies than these mean is not carried over. */
export function reroute(source: Source, blend: Blend): Rewritten {
  const { file } = parse(source)
  const policies = policiesOf(file)
  const name = freeName(file, blend.policy)
  const strange: RouteClause[] = []
  const lost: string[] = []
  const found: string[] = []
  const changed = changeMoes(file, (moe) => {
    const route = routeOf(moe)
    const policy = route === null ? undefined : policies.get(route.policy.callee.text)
    if (route === null || policy === undefined) {
      if (route !== null) strange.push(route)
      return moe
    }
    found.push(policy)
    const missing = missingIn(blend.policy, policy, route.policy)
    if (missing !== null) lost.push(`\`${textOf(route.span)}\`: ${blend.policy} has no parameter '${missing}'`)
    const policyCall = spectralCall(route.policy, policy, name, blend)
    return { ...moe, clauses: moe.clauses.map((clause) => (clause === route ? { ...route, policy: policyCall } : clause)) }
  })
  if (strange.length > 0)
    return {
      kind: 'refused',
      message:
        `\`${textOf(strange[0].span)}\`: only routes by top_k and softmax_of_top_k of the library can be rerouted` +
        reasonOf(file, strange[0].policy.callee.text),
    }
  if (lost.length > 0) return { kind: 'refused', message: lost[0] }
  if (found.length === 0) return { kind: 'refused', message: 'no layer of the file is routed' }
  return {
    kind: 'spec',
    wasPlain: found.every((policy) => !POLICIES.some((one) => one === policy)),
    text: print({ ...changed, imports: changeImports(file, blend.policy, name) }),
  }
}

/** The text with its relative imports, and its layout, for a file in another folder. */
export function moved(source: Source, move: (path: string) => string): string {
  const { file } = parse(source)
  const isRelative = ({ from }: Import): boolean => from.value.startsWith('./') || from.value.startsWith('../')
  return print({
    ...file,
    imports: file.imports.map((one) => (isRelative(one) ? { ...one, from: { ...one.from, value: move(one.from.value) } } : one)),
  })
}
