/** A Python function or class while it is written: its lines, and the names of what its body can see. */
import { constantValue, symbol as symbolOf, type Atom, type Dim } from '../../plan/dim.ts'
import { sizeIn, type Values } from '../lower/environment.ts'
import type { Loop, Loss, MoeTerm, Step, Term } from '../model/model.ts'
import { at, infix, LEVEL, py, RESERVED, KEYWORDS, type Py } from './python.ts'
import type { Module } from './module.ts'
import type { Reached } from './reach.ts'

/** What a body reads of its surroundings: it becomes a parameter, which callers give. */
export type Captured =
  | { readonly kind: 'term'; readonly term: Term }
  | { readonly kind: 'size'; readonly size: Dim }
  /** A thing of the class around: the device of its tensors, its path, the experts of a moe, the rows of a bank by expert. */
  | { readonly kind: 'thing'; readonly thing: Thing }

export type Thing = 'device' | 'path' | 'experts' | 'groups' | 'step'

export interface Parameter {
  readonly name: string
  readonly captured: Captured
  readonly isOptional?: boolean
}

export interface WeightDraft {
  readonly attribute: string
  readonly shape: readonly number[]
  readonly doc: string
}

/** The ways through a model, bound together once. */
export interface Walk {
  readonly term: (unit: Unit, term: Term) => Py
  readonly steps: (unit: Unit, steps: readonly Step[]) => void
  readonly report: (unit: Unit, kind: 'loss' | 'metric', reported: Loss) => void
}

export interface Unit {
  readonly walk: Walk
  readonly kind: 'function' | 'class'
  readonly module: Module
  readonly values: Values
  readonly parent: Unit | null
  /** The instance, with indices: `layers.0/attention`. */
  readonly instance: string
  /** The names of terms that are assigned or given. */
  readonly names: Map<Term, string>
  /** The names of sizes, by their keys. */
  readonly sizes: Map<string, string>
  readonly loops: Map<Loop, ReadonlyMap<string, string>>
  /** Names in use. */
  readonly taken: Set<string>
  readonly lines: string[]
  readonly parameters: Parameter[]
  /** Arguments of the call that are parameters once the body reads them. */
  readonly given: ReadonlyMap<Term, string>
  /** Names that lets have for terms that are not assigned yet. */
  readonly lets: Map<Term, string>
  /** The name that a term must have. */
  readonly fixed: Map<Term, string>
  /** How often a term is still referred to in this body. */
  readonly uses: Map<Term, number>
  readonly reached: Reached
  readonly weights: Map<string, WeightDraft>
  /** Label of a block in it -> how it is made, by index where it is one of several. */
  readonly children: Map<string, string>
  /** The moe whose policy is written. */
  readonly moe: MoeTerm | null
  /** Whether rows are grouped by experts, and weights are those of a bank. */
  readonly isBank: boolean
}

type Given = Pick<Unit, 'walk' | 'kind' | 'module' | 'values' | 'parent' | 'instance' | 'reached'> &
  Partial<Pick<Unit, 'given' | 'moe' | 'isBank' | 'uses'>>

export const openUnit = (given: Given): Unit => ({
  names: new Map(),
  sizes: new Map(),
  loops: new Map(),
  taken: new Set(),
  lines: [],
  parameters: [],
  given: new Map(),
  lets: new Map(),
  fixed: new Map(),
  uses: new Map(),
  weights: new Map(),
  children: new Map(),
  moe: null,
  isBank: false,
  ...given,
})

/** The expression of a term: its name where it has one. */
export const write = (unit: Unit, term: Term): Py => unit.walk.term(unit, term)

/** Statements of a body, in the order of the text; those that nothing needs are left out. */
export const writeSteps = (unit: Unit, steps: readonly Step[]): void => unit.walk.steps(unit, steps)

/** `step.report("loss", self.path, "balance", value)` */
export const writeReport = (unit: Unit, kind: 'loss' | 'metric', reported: Loss): void => unit.walk.report(unit, kind, reported)

/** The same unit in a block of its own, which leaves no names behind. */
export const inBlock = (unit: Unit): Unit => ({
  ...unit,
  names: new Map(unit.names),
  sizes: new Map(unit.sizes),
  loops: new Map(unit.loops),
  taken: new Set(unit.taken),
  lines: [],
})

/** A name like this one that nothing else has. */
export function freshName(unit: Unit, wanted: string): string {
  const base = KEYWORDS.has(wanted) || RESERVED.has(wanted) || unit.module.isNamed(wanted) ? `${wanted}_` : wanted
  let name = base
  for (let count = 2; unit.taken.has(name) || unit.parameters.some((one) => one.name === name); count++) name = `${base}_${count}`
  unit.taken.add(name)
  return name
}

function addParameter(unit: Unit, wanted: string, captured: Captured): string {
  const name = freshName(unit, wanted)
  unit.parameters.push({ name, captured })
  return name
}

/** The name of a term that is there: assigned, an argument, or of the surroundings. Undefined where it is none of these. */
export function nameOf(unit: Unit, term: Term): string | undefined {
  const known = unit.names.get(term)
  if (known !== undefined) return known
  const captured = unit.parameters.find((one) => one.captured.kind === 'term' && one.captured.term === term)
  if (captured !== undefined) return captured.name
  const wanted = unit.given.get(term) ?? (unit.parent === null ? undefined : nameOf(unit.parent, term))
  if (wanted === undefined) return undefined
  const name = addParameter(unit, wanted, { kind: 'term', term })
  unit.names.set(term, name)
  return name
}

const THINGS: ReadonlySet<Thing> = new Set(['device', 'path', 'experts', 'groups', 'step'])

/** A thing of the surroundings by its own name, which nothing else has. */
export function thing(unit: Unit, wanted: Thing): string {
  if (!THINGS.has(wanted)) throw new Error(`nothing is called ${wanted}`)
  if (wanted === 'path' && unit.kind === 'class') return 'self.path'
  if (wanted === 'device') {
    const tensor = [...unit.names].find(([{ kind, shape }, name]) => kind !== 'scalar' && shape.length > 0 && !name.includes('['))
    if (tensor !== undefined) return `${tensor[1]}.device`
    const [argument] = [...unit.given.keys()].filter(({ kind, shape }) => kind !== 'scalar' && shape.length > 0)
    if (argument !== undefined && unit.reached.terms.has(argument)) return `${nameOf(unit, argument)!}.device`
    const [weight] = unit.weights.values()
    if (weight !== undefined) return `self.${weight.attribute}.device`
  }
  if (!unit.parameters.some(({ captured }) => captured.kind === 'thing' && captured.thing === wanted))
    unit.parameters.push({ name: wanted, captured: { kind: 'thing', thing: wanted } })
  return wanted
}

/** A line of the body. */
export const say = (unit: Unit, ...lines: readonly string[]): void => void unit.lines.push(...lines)

function assignSize(unit: Unit, wanted: string, key: string, text: string): string {
  const name = freshName(unit, wanted)
  say(unit, `${name} = ${text}`)
  unit.sizes.set(key, name)
  return name
}

/** Where a size can be read: an axis of a tensor that has a name. */
function axisWith(unit: Unit, size: Dim): string | undefined {
  for (const [term, name] of unit.names) {
    const axis = term.kind === 'scalar' ? -1 : term.shape.findIndex((one) => sizeIn(unit.values, one) === size)
    if (axis >= 0) return `${name}.shape[${axis}]`
  }
  for (const [term] of unit.given) {
    const axis = term.kind === 'scalar' ? -1 : term.shape.findIndex((one) => sizeIn(unit.values, one) === size)
    if (axis >= 0 && unit.reached.terms.has(term)) return `${nameOf(unit, term)!}.shape[${axis}]`
  }
  return undefined
}

const isSymbol = ({ terms }: Dim): string | undefined => {
  const [term] = terms
  if (terms.length !== 1 || term.coefficient !== 1 || term.factors.length !== 1) return undefined
  const [factor] = term.factors
  return factor.kind === 'symbol' ? factor.name : undefined
}

function atomText(unit: Unit, atom: Atom): Py {
  switch (atom.kind) {
    case 'symbol':
      throw new Error(`nothing says the size ${atom.name}`)
    case 'floor':
      return infix(sizeOf(unit, atom.numerator), '//', sizeOf(unit, atom.divisor), LEVEL.multiply)
    case 'ceil':
      return py(
        `-(-${at(sizeOf(unit, atom.numerator), LEVEL.unary)} // ${at(sizeOf(unit, atom.divisor), LEVEL.unary)})`,
        LEVEL.unary,
      )
    case 'min':
      return py(`min(${sizeOf(unit, atom.left).text}, ${sizeOf(unit, atom.right).text})`)
    default:
      return atom satisfies never
  }
}

const isOfSize = ({ captured }: Parameter, size: Dim): boolean => captured.kind === 'size' && captured.size === size

/** Whether the surroundings know a size without working it out. */
const isKnownAround = (unit: Unit, size: Dim): boolean =>
  unit.sizes.has(size.key) || axisWith(unit, size) !== undefined || (unit.parent !== null && isKnownAround(unit.parent, size))

/** A size whose parameters have values, as an expression of ints. */
function sizeOf(unit: Unit, size: Dim): Py {
  const constant = constantValue(size)
  if (constant !== undefined) return py(String(constant), constant < 0 ? LEVEL.unary : LEVEL.primary)
  const known = unit.sizes.get(size.key) ?? unit.parameters.find((one) => isOfSize(one, size))?.name
  if (known !== undefined) return py(known)
  const name = isSymbol(size)
  const read = axisWith(unit, size)
  const wanted = name !== undefined && /^[A-Za-z]\w*$/.test(name) ? name : 'T'
  if (read !== undefined) return py(assignSize(unit, wanted, size.key, read))
  if (unit.parent !== null && (name !== undefined || isKnownAround(unit.parent, size))) {
    const given = addParameter(unit, wanted, { kind: 'size', size })
    unit.sizes.set(size.key, given)
    return py(given)
  }
  const parts = size.terms.map(({ coefficient, factors }) => {
    const made = factors.map((factor) => factorText(unit, factor))
    const all =
      coefficient === 1 && made.length > 0
        ? made
        : [py(String(coefficient), coefficient < 0 ? LEVEL.unary : LEVEL.primary), ...made]
    return all.reduce((left, right) => infix(left, '*', right, LEVEL.multiply))
  })
  return parts.reduce((left, right) => infix(left, '+', right, LEVEL.add))
}

const factorText = (unit: Unit, factor: Atom): Py =>
  factor.kind === 'symbol' ? sizeOf(unit, symbolDim(factor)) : atomText(unit, factor)

const symbolDim = (factor: Atom & { kind: 'symbol' }): Dim => symbolOf(factor.name)

/** A size of the model as an expression of ints. */
export const sizeText = (unit: Unit, size: Dim): Py => sizeOf(unit, sizeIn(unit.values, size))

export const sizesText = (unit: Unit, sizes: readonly Dim[]): readonly string[] => sizes.map((size) => sizeText(unit, size).text)
