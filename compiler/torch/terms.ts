/** Terms of the model -> expressions of torch, and the statements before them. */
import { outputName } from '../../plan/output-role.ts'
import { numberIn, pathIn, sizesIn, tryStatic } from '../lower/environment.ts'
import { substituteOptions } from '../model/builtin/options.ts'
import { BUILTINS } from '../model/builtin/table.ts'
import {
  isTerm,
  type ApplyTerm,
  type CallTerm,
  type EveryExpertTerm,
  type Loop,
  type Loss,
  type Step,
  type Term,
  type WeightTerm,
} from '../model/model.ts'
import { isBanked } from '../model/types/rows.ts'
import { writeBanked } from './banks.ts'
import { library, numberOf, writeBuiltin } from './builtins.ts'
import { callText, writeBlock, writeFunction, writeLoop } from './bodies.ts'
import { chosen, resolved } from './resolve.ts'
import { writeMoe } from './moe.ts'
import { attribute, py, type Py } from './python.ts'
import { isNeverNoisy, isTermLet } from './reach.ts'
import { TorchRefusal } from './refusal.ts'
import { staticText } from './statics.ts'
import { freshName, nameOf, say, thing, type Unit, type Walk } from './unit.ts'

/** Terms that are written anew at each use: no name would make them clearer. */
const PLAIN: ReadonlySet<Term['kind']> = new Set(['input', 'weight', 'given', 'scalar', 'carried', 'bank', 'after'])

/** The expression of a term: its name where it has one. */
function writeTerm(unit: Unit, term: Term): Py {
  const left = (unit.uses.get(term) ?? 1) - 1
  unit.uses.set(term, left)
  const known = nameOf(unit, term)
  if (known !== undefined) return py(known)
  if (term.kind === 'conditional') return writeTerm(unit, chosen(unit, term))
  if (term.kind === 'eligible') return writeTerm(unit, term.scores)
  const wanted = unit.lets.get(term)
  if (wanted === undefined && (PLAIN.has(term.kind) || left < 1)) return compute(unit, term)
  return py(assign(unit, term, wanted ?? nameFor(term)))
}

/** A name for a value that is used more than once and has none in the spec. */
const nameFor = (term: Term): string =>
  term.kind === 'call' ? term.name : term.kind === 'apply' ? `${term.builtin}_` : term.kind === 'moe' ? 'mixed' : 'value'

/** Assigns a term to a name; a name that is no longer read may be taken again. */
export function assign(unit: Unit, term: Term, wanted: string): string {
  const value = compute(unit, term)
  const name = unit.fixed.get(term) ?? reusable(unit, wanted) ?? freshName(unit, wanted)
  for (const [other, of] of unit.names) if (of === name) unit.names.delete(other)
  for (const [key, of] of unit.sizes) if (of === name) unit.sizes.delete(key)
  say(unit, `${name} = ${value.text}`)
  unit.names.set(term, name)
  return name
}

/** The name itself where the term that has it is not read again. */
function reusable(unit: Unit, wanted: string): string | undefined {
  const holders = [...unit.names].filter(([, name]) => name === wanted)
  const isFree = holders.length > 0 && holders.every(([term]) => (unit.uses.get(term) ?? 0) <= 0)
  return isFree && !unit.parameters.some(({ name, captured }) => name === wanted && captured.kind !== 'term') ? wanted : undefined
}

function compute(unit: Unit, term: Term): Py {
  switch (term.kind) {
    case 'weight':
      return weightText(unit, term)
    case 'scalar':
      return staticText(unit, term.value, term.origin)
    case 'numbers': {
      const values = term.values.map((value) => numberOf(Number(tryStatic(unit.values, value)), term.dtype).text)
      const dtype = term.dtype === 'f32' ? 'torch.float32' : 'torch.int32'
      return py(`torch.tensor([${values.join(', ')}], dtype=${dtype}, device=${thing(unit, 'device')})`)
    }
    case 'apply':
      return applyText(unit, term)
    case 'call':
      return callOfBody(unit, term)
    case 'conditional':
      return writeTerm(unit, chosen(unit, term))
    case 'eligible':
      return writeTerm(unit, term.scores)
    case 'after':
      return py(loopNames(unit, term.loop).get(term.name)!)
    case 'moe':
      return writeMoe(unit, term)
    case 'every-expert':
      return everyExpert(unit, term)
    case 'bank':
      return bankText(unit, term.weight)
    case 'branch':
    case 'input':
    case 'given':
    case 'carried':
      throw new Error(`nothing gives ${'name' in term ? term.name : term.kind}`)
    default:
      return term satisfies never
  }
}

/** The class around that has a weight, and the weight's path in it. */
function ownerOf(unit: Unit, path: string): { readonly owner: Unit; readonly rest: string } {
  const prefix = unit.instance === '' ? '' : `${unit.instance.replaceAll('/', '.')}.`
  if (unit.kind === 'class' && path.startsWith(prefix)) return { owner: unit, rest: path.slice(prefix.length) }
  if (unit.parent === null) throw new Error(`no class has the weight ${path}`)
  return ownerOf(unit.parent, path)
}

const attributesOf = (rest: string): string =>
  rest
    .split('.')
    .map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${attribute(part)}`))
    .join('')

/** A weight of the class itself is noted: it is a parameter of it. */
function weightText(unit: Unit, term: WeightTerm): Py {
  const path = pathIn(unit.values, term.path)
  unit.module.noteWeight(path)
  const { owner, rest } = ownerOf(unit, path)
  if (owner !== unit) {
    const name = freshName(unit, rest.split('.').at(-1)!)
    noteWeight(owner, term, rest)
    unit.parameters.push({ name, captured: { kind: 'term', term } })
    unit.names.set(term, name)
    return py(name)
  }
  noteWeight(unit, term, rest)
  return py(`self${attributesOf(rest)}`)
}

function noteWeight(owner: Unit, term: WeightTerm, rest: string): void {
  if (rest.includes('.') || owner.weights.has(rest)) return
  const own = term.shape.map((size) => numberIn(owner.values, size))
  const shape = term.bank === null ? own : [numberIn(owner.values, term.bank), ...own]
  owner.weights.set(rest, { attribute: attribute(rest), shape, doc: term.doc })
}

/** `experts.gate` in a policy: a weight of another block. */
function bankText(unit: Unit, weight: WeightTerm): Py {
  unit.module.noteBank()
  return weightText(unit, weight)
}

function everyExpert(unit: Unit, term: EveryExpertTerm): Py {
  const moe = moeAround(unit)
  const count = String(numberIn(unit.values, moe.experts.count))
  const experts = thing(unit, 'experts')
  return library(unit, 'every_expert', [experts, writeTerm(unit, term.input), count, thing(unit, 'step')])
}

function moeAround(unit: Unit): NonNullable<Unit['moe']> {
  if (unit.moe !== null) return unit.moe
  if (unit.parent === null) throw new Error('all experts are evaluated outside of a moe')
  return moeAround(unit.parent)
}

const isInBank = (unit: Unit): boolean =>
  unit.isBank || (unit.parent !== null && unit.kind === 'function' && isInBank(unit.parent))

function applyText(unit: Unit, term: ApplyTerm): Py {
  if (isNeverNoisy(unit.values, term)) return writeTerm(unit, term.operands[0])
  const { random } = BUILTINS[term.builtin]
  if (random !== undefined && isInBank(unit))
    throw new TorchRefusal(
      `${term.builtin} in an expert draws by the row, and rows are in another order in the torch module`,
      term.origin,
    )
  const operands = term.operands.map((operand) => writeTerm(unit, operand))
  const options = substituteOptions(term.options, sizesIn(unit.values))
  const use = { unit, term, options, operands, terms: term.operands }
  if (isInBank(unit) && term.operands.some((operand) => isBanked(operand))) return writeBanked(use)
  return writeBuiltin(use)
}

/** A call: of a function, of a block of this class, or nothing at all where the body gives an argument back. */
function callOfBody(unit: Unit, call: CallTerm): Py {
  const result = resolved(unit, call.result)
  const isPlain = call.declares === 'fn' && call.arguments.some(({ value }) => isTerm(value) && resolved(unit, value) === result)
  if (isPlain) return writeTerm(unit, result)
  return call.declares === 'fn' ? callText(unit, call, writeFunction(unit, call)) : writeBlock(unit, call)
}

/** The names of the vars of a loop after it, which is written where it is first needed. */
export function loopNames(unit: Unit, loop: Loop): ReadonlyMap<string, string> {
  for (let around: Unit | null = unit; around !== null; around = around.parent) {
    const known = around.loops.get(loop)
    if (known !== undefined) return known
  }
  const names = writeLoop(unit, loop)
  unit.loops.set(loop, names)
  return names
}

/** Statements of a body, in the order of the text; those that nothing needs are left out. */
function writeStatements(unit: Unit, steps: readonly Step[]): void {
  for (const step of steps) {
    switch (step.kind) {
      case 'let':
        if (isTermLet(step)) writeLet(unit, step.name, step.value)
        break
      case 'loop':
        if (unit.reached.turns.has(step.loop)) loopNames(unit, step.loop)
        break
      case 'once':
        writeStatements(unit, step.steps)
        break
      case 'loss':
        report(unit, 'loss', step.loss)
        break
      case 'metric':
        report(unit, 'metric', step.metric)
        break
      case 'param':
      case 'when':
        break
      default:
        step satisfies never
    }
  }
}

function writeLet(unit: Unit, name: string, value: Term): void {
  const term = resolved(unit, value)
  if (!unit.reached.terms.has(term) || nameOf(unit, term) !== undefined) return
  if (term.kind === 'weight' || term.kind === 'scalar') return
  assign(unit, term, name)
}

/** `step.report("loss", self.path, "balance", value)` */
function report(unit: Unit, kind: 'loss' | 'metric', { name, path, term }: Loss): void {
  const value = writeTerm(unit, term)
  const own = pathIn(unit.values, path.join('.'))
  const isOwn = own === unit.instance.replaceAll('/', '.')
  if (!isOwn) throw new Error(`${outputName({ kind, path: own, term: name })} is reported in ${unit.instance}`)
  const place = own === '' ? '""' : thing(unit, 'path')
  say(unit, `${thing(unit, 'step')}.report("${kind}", ${place}, "${name}", ${value.text})`)
}

export const WALK: Walk = { term: writeTerm, steps: writeStatements, report }
