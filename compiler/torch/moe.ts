/** A mixture of experts as a class: its router, its experts, and how they are combined. */
import { numberIn, pathIn } from '../lower/environment.ts'
import type { CallTerm, MoeTerm, Term } from '../model/model.ts'
import { argumentsOf, childText, classAround, defineClass, labelOf, memberText, prepare } from './bodies.ts'
import { library } from './builtins.ts'
import { writePolicy } from './policy.ts'
import { py, type Py } from './python.ts'
import { reportsIn } from './reach.ts'
import { writeRules } from './rules.ts'
import { freshName, openUnit, say, thing, write, writeSteps, type Unit } from './unit.ts'

/** Defines the class of a moe in the class around, and calls it. */
export function writeMoe(caller: Unit, moe: MoeTerm): Py {
  const owner = classAround(caller)
  if (owner !== caller) throw new Error('a function has a moe')
  const label = labelOf(owner, moe.path)
  const unit = openUnit({
    walk: caller.walk,
    kind: 'class',
    module: caller.module,
    values: caller.values,
    parent: caller,
    instance: pathIn(caller.values, moe.path.join('/')),
    reached: caller.reached,
    given: new Map([[moe.input, 'x']]),
    moe,
  })
  const count = String(numberIn(unit.values, moe.experts.count))
  const x = write(unit, moe.input).text
  const width = numberIn(unit.values, moe.rows.shape[1])
  const rows = freshName(unit, 'rows')
  say(unit, `${rows} = ${x}.reshape(-1, ${width})`)
  unit.names.set(moe.rows, rows)
  if (moe.policy.ids !== null && unit.reached.terms.has(moe.policy.ids.given)) {
    const ids = freshName(unit, 'ids')
    say(unit, `${ids} = ${write(unit, moe.policy.ids.input).text}.reshape(-1)`)
    unit.names.set(moe.policy.ids.given, ids)
  }
  freshName(unit, 'routing')
  const experts = writeExperts(unit, moe)
  const router = writePolicy(unit, moe, experts)
  say(unit, `routing = ${router}`)
  writeRules(unit, moe)
  say(unit, library(unit, 'decide', [thing(unit, 'step'), thing(unit, 'path'), 'routing', count]).text)
  const mixed = library(unit, 'mixture', [experts, rows, 'routing', count, thing(unit, 'step')]).text
  const out = freshName(unit, 'y')
  say(unit, `${out} = ${mixed}`)
  writeShared(unit, moe, out)
  say(unit, `return ${out}.reshape(*${x}.shape[:-1], ${out}.shape[-1])`)
  const made = defineClass(unit, moe.path.at(-1)!, docOf(moe))
  owner.children.set(label, childText(owner, label, made))
  return py(`${memberText(label)}(${argumentsOf(caller, made.parameters).join(', ')})`)
}

const docOf = ({ policy, experts, constraints }: MoeTerm): string =>
  [`Experts ${experts.body.name} routed by ${policy.name}.`, ...constraints.map(({ text }) => `Requires ${text}.`)].join(' ')

function writeShared(unit: Unit, { shared, rules }: MoeTerm, out: string): void {
  if (shared.length === 0) return
  prepare(unit, shared, [])
  const all = shared.map((one) => write(unit, one).text)
  if (rules.limit?.overflow !== 'shared') return say(unit, `${out} = ${[out, ...all].join(' + ')}`)
  say(
    unit,
    `always = ${all.join(' + ')}`,
    `${out} = ${out} + (always if routing.spilled is None else always * (routing.spilled + 1.0).unsqueeze(-1))`,
  )
}

/** Defines the class of the experts' bank; gives the callable of (rows, groups). */
function writeExperts(owner: Unit, { experts: { body, rows } }: MoeTerm): string {
  const unit = openUnit({
    walk: owner.walk,
    kind: 'class',
    module: owner.module,
    values: owner.values,
    parent: owner,
    instance: pathIn(owner.values, body.path.join('/')),
    reached: owner.reached,
    given: expertArguments(owner, body),
    isBank: true,
  })
  const x = freshName(unit, 'x')
  unit.names.set(rows, x)
  unit.parameters.push(
    { name: x, captured: { kind: 'term', term: rows } },
    { name: 'groups', captured: { kind: 'thing', thing: 'groups' } },
  )
  prepare(unit, [body.result, ...reportsIn(body.steps)], body.steps)
  writeSteps(unit, body.steps)
  say(unit, `return ${write(unit, body.result).text}`)
  const made = defineClass(unit, body.name, body.doc === '' ? '' : `A bank of experts. ${body.doc}`)
  owner.module.addBank(made.name)
  const label = labelOf(owner, body.path)
  owner.children.set(label, childText(owner, label, made))
  const isPlain = made.parameters.length === 2
  if (isPlain) return memberText(label)
  owner.names.set(rows, 'rows_')
  const others = made.parameters.map((parameter) =>
    parameter.captured.kind === 'term' && parameter.captured.term === rows
      ? 'rows_'
      : parameter.captured.kind === 'thing' && parameter.captured.thing === 'groups'
        ? 'groups'
        : argumentsOf(owner, [parameter])[0],
  )
  owner.names.delete(rows)
  say(owner, `run = lambda rows_, groups: ${memberText(label)}(${others.join(', ')})`)
  return 'run'
}

const expertArguments = (_: Unit, { arguments: all }: CallTerm): ReadonlyMap<Term, string> =>
  new Map(
    all.flatMap(({ name, value }) =>
      'origin' in value && value.kind !== 'scalar' && value.kind !== 'given' ? [[value, name] as const] : [],
    ),
  )
