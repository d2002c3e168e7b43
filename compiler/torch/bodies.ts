/** Functions and classes: the bodies of calls and of loops. */
import { pathIn } from '../lower/environment.ts'
import { isTerm, type CallTerm, type Loop, type Step, type Term } from '../model/model.ts'
import { indented, attribute, py, type Py } from './python.ts'
import { isNeverNoisy, isTermLet, reportsIn, type Reached } from './reach.ts'
import { inside, turnsOf } from './values.ts'
import { resolved } from './resolve.ts'
import { freshName, openUnit, say, sizeText, thing, write, writeSteps, type Parameter, type Unit } from './unit.ts'

/** The operands of a term in the body that it stands in. */
function operandsHere(unit: Unit, term: Term): readonly Term[] {
  switch (term.kind) {
    case 'apply':
      return isNeverNoisy(unit.values, term) ? [term.operands[0]] : term.operands
    case 'call':
      return term.arguments.flatMap(({ value }) =>
        isTerm(value) && unit.reached.terms.has(resolved(unit, value)) ? [value] : [],
      )
    case 'after':
      return term.loop.carried.map(({ initial }) => initial)
    case 'moe':
    case 'every-expert':
      return [term.input]
    default:
      return []
  }
}

/** Counts how often each term is read in a body that ends in these, and notes the names of its lets. */
export function prepare(unit: Unit, roots: readonly Term[], steps: readonly Step[]): void {
  const open = [...roots]
  while (open.length > 0) {
    const term = resolved(unit, open.pop()!)
    const before = unit.uses.get(term) ?? 0
    unit.uses.set(term, before + 1)
    if (before === 0) open.push(...operandsHere(unit, term))
  }
  for (const step of steps) {
    if (step.kind === 'once') nameLets(unit, step.steps)
    else nameLets(unit, [step])
  }
}

function nameLets(unit: Unit, steps: readonly Step[]): void {
  for (const step of steps) {
    if (!isTermLet(step)) continue
    const term = resolved(unit, step.value)
    if (!unit.lets.has(term) && term.kind !== 'weight' && term.kind !== 'scalar') unit.lets.set(term, step.name)
  }
}

const givenOf = (unit: Unit, { arguments: all }: CallTerm): ReadonlyMap<Term, string> => {
  const given = new Map<Term, string>()
  for (const { name, value } of all) {
    if (!isTerm(value)) continue
    const term = resolved(unit, value)
    if (!given.has(term) && term.kind !== 'scalar') given.set(term, name)
  }
  return given
}

const names = (parameters: readonly Parameter[]): readonly string[] =>
  parameters.map(({ name, isOptional = false }) => (isOptional ? `${name}=None` : name))

/** What a caller gives for the parameters of a body. */
export const argumentsOf = (unit: Unit, parameters: readonly Parameter[]): readonly string[] =>
  parameters.map(({ captured }) => {
    switch (captured.kind) {
      case 'term':
        return write(unit, captured.term).text
      case 'size':
        return sizeText(unit, captured.size).text
      case 'thing':
        return thing(unit, captured.thing)
      default:
        return captured satisfies never
    }
  })

/** Declared parameters in their order, further tensors, then sizes and the things around. */
export function sortParameters({ parameters, given }: Unit): void {
  const declared = [...given.keys()]
  const rank = ({ captured }: Parameter): number => {
    const place = captured.kind === 'term' ? declared.indexOf(captured.term) : -1
    return place >= 0 ? place - declared.length : ['term', 'size', 'thing'].indexOf(captured.kind)
  }
  parameters.sort((a, b) => rank(a) - rank(b))
}

interface Written {
  readonly name: string
  readonly parameters: readonly Parameter[]
}

/** Defines the function of a fn, for the arguments of this call. */
export function writeFunction(caller: Unit, call: CallTerm): Written {
  const unit = openUnit({
    walk: caller.walk,
    kind: 'function',
    module: caller.module,
    values: caller.values,
    parent: caller,
    instance: caller.instance,
    reached: caller.reached,
    given: givenOf(caller, call),
  })
  prepare(unit, [call.result], call.steps)
  writeSteps(unit, call.steps)
  say(unit, `return ${write(unit, call.result).text}`)
  sortParameters(unit)
  const head = `(${names(unit.parameters).join(', ')}):`
  const name = caller.module.define('function', call.name, call.doc, { head, body: unit.lines })
  return { name, parameters: unit.parameters }
}

export const callText = (unit: Unit, _: CallTerm, { name, parameters }: Written): Py =>
  py(`${name}(${argumentsOf(unit, parameters).join(', ')})`)

/** How a class is made: `Attention(f"{path}/attention")`, with its path only where it reads it. */
export interface MadeClass extends Written {
  readonly needsPath: boolean
}

/** The text of a class whose forward pass has been written. */
export function defineClass(unit: Unit, wanted: string, doc: string): MadeClass {
  sortParameters(unit)
  const isRoot = unit.instance === ''
  const inner = [...unit.children.values()].some((made) => made.includes('path'))
  const own = unit.lines.some((line) => line.includes('self.path'))
  const needsPath = !isRoot && (inner || own)
  const made = [
    ...(own || isRoot ? [`self.path = ${isRoot ? '""' : 'path'}`] : []),
    ...[...unit.weights.values()].map(
      ({ attribute: name, shape }) => `self.${name} = nn.Parameter(torch.empty(${shape.length === 0 ? '()' : shape.join(', ')}))`,
    ),
    ...childLines(unit.children),
  ]
  const begin =
    made.length === 0 ? [] : [`def __init__(self${needsPath ? ', path' : ''}):`, ...indented(['super().__init__()', ...made]), '']
  const forward = [`def forward(${['self', ...names(unit.parameters)].join(', ')}):`, ...indented(unit.lines)]
  const name = unit.module.define('class', wanted, doc, { head: '(nn.Module):', body: ['', ...begin, ...forward] })
  return { name, parameters: unit.parameters, needsPath }
}

/** Blocks of a class; those with an index lie in a list, or by their numbers where these do not begin at 0. */
function childLines(children: ReadonlyMap<string, string>): readonly string[] {
  const groups = new Map<string, [string, string][]>()
  const lines: string[] = []
  for (const [label, made] of children) {
    const [group, index] = label.split('.')
    if (index === undefined) lines.push(`self.${attribute(label)} = ${made}`)
    else {
      if (!groups.has(group)) lines.push(`self.${attribute(group)} = ${group}`)
      groups.set(group, [...(groups.get(group) ?? []), [index, made]])
    }
  }
  return lines.map((line) => {
    const [, group] = /^self\.\w+ = (\w+)$/.exec(line) ?? []
    const members = group === undefined ? undefined : groups.get(group)
    return members === undefined ? line : line.replace(/= \w+$/, `= ${listText(group, members)}`)
  })
}

function listText(group: string, members: readonly (readonly [string, string])[]): string {
  const isList = members.every(([index], at) => index === String(at))
  if (!isList) return `nn.ModuleDict({${members.map(([index, made]) => `"${index}": ${made}`).join(', ')}})`
  const alike = new Set(members.map(([index, made]) => made.replace(`${group}.${index}`, `${group}.{i}`)))
  const [one] = alike
  if (alike.size === 1) {
    const text = one.includes('{i}') && !one.includes('f"') ? one.replace('"', 'f"') : one
    return `nn.ModuleList(${text} for ${text.includes('{i}') ? 'i' : '_'} in range(${members.length}))`
  }
  return `nn.ModuleList([${members.map(([, made]) => made).join(', ')}])`
}

/** The expression that makes a block of a class, by its label. */
export function childText({ instance }: Unit, label: string, { name, needsPath }: MadeClass): string {
  if (!needsPath) return `${name}()`
  return instance === '' ? `${name}("${label}")` : `${name}(f"{path}/${label}")`
}

/** The label of an instance in the class that it belongs to. */
export const labelOf = (owner: Unit, path: readonly string[]): string => {
  const whole = pathIn(owner.values, path.join('/'))
  return owner.instance === '' ? whole : whole.slice(owner.instance.length + 1)
}

/** `self.attention`, `self.layers[0]` */
export function memberText(label: string): string {
  const [group, index] = label.split('.')
  return `self.${attribute(group)}${index === undefined ? '' : `[${index}]`}`
}

/** A block or an expert as a class of its own, and its call. */
export function writeBlock(caller: Unit, call: CallTerm): Py {
  const owner = classAround(caller)
  const label = labelOf(owner, call.path)
  const unit = openUnit({
    walk: caller.walk,
    kind: 'class',
    module: caller.module,
    values: caller.values,
    parent: caller,
    instance: pathIn(caller.values, call.path.join('/')),
    reached: caller.reached,
    given: givenOf(caller, call),
  })
  prepare(unit, [call.result, ...reportsIn(call.steps)], call.steps)
  writeSteps(unit, call.steps)
  say(unit, `return ${write(unit, call.result).text}`)
  const made = defineClass(unit, call.name, call.doc)
  owner.children.set(label, childText(owner, label, made))
  if (caller !== owner) throw new Error('a function calls a block')
  return py(`${memberText(label)}(${argumentsOf(caller, made.parameters).join(', ')})`)
}

export function classAround(unit: Unit): Unit {
  if (unit.kind === 'class') return unit
  if (unit.parent === null) throw new Error('nothing is a class here')
  return classAround(unit.parent)
}

/** Whether the turns of a loop have weights, blocks or reports of their own. */
function hasOwnWeights(loop: Loop, turns: readonly Reached[]): boolean {
  const own = loop.steps.some(({ kind }) => kind === 'param' || kind === 'loss' || kind === 'metric')
  const label = `${loop.label}.{${loop.index}}`
  const isInside = (path: readonly string[] | string): boolean =>
    typeof path === 'string' ? path.includes(label) : path.some((part) => part === label)
  return (
    own ||
    turns.some(({ terms }) =>
      [...terms].some(
        (term) =>
          (term.kind === 'weight' && isInside(term.path)) ||
          ((term.kind === 'call' || term.kind === 'moe') &&
            (term.kind === 'moe' || term.declares !== 'fn') &&
            isInside(term.path)),
      ),
    )
  )
}

/** Writes a loop, and gives the names of its vars behind it. */
export function writeLoop(unit: Unit, loop: Loop): ReadonlyMap<string, string> {
  const turns = unit.reached.turns.get(loop)
  if (turns === undefined) throw new Error(`the loop ${loop.label} was not followed`)
  return hasOwnWeights(loop, turns) ? writeModules(unit, loop, turns) : writeInline(unit, loop, turns)
}

/** A loop without weights is unrolled. */
function writeInline(unit: Unit, loop: Loop, turns: readonly Reached[]): ReadonlyMap<string, string> {
  let current = loop.carried.map(({ initial }) => write(unit, initial).text)
  for (const [at, turn] of turnsOf(unit.values, loop).entries()) {
    const body: Unit = {
      ...unit,
      values: inside(unit.values, { [loop.index]: turn }),
      reached: turns[at],
      // a term of the body has another value in each turn
      names: new Map(unit.names),
      loops: new Map(unit.loops),
      lets: new Map(),
      uses: new Map(),
    }
    loop.carried.forEach(({ start }, i) => body.names.set(start, current[i]))
    const wanted = loop.carried.map(({ next }) => resolved(body, next))
    prepare(body, wanted, loop.steps)
    loop.carried.forEach(({ name, next }) => body.lets.set(resolved(body, next), name))
    writeSteps(body, loop.steps)
    current = wanted.map((term) => write(body, term).text)
  }
  return new Map(loop.carried.map(({ name }, i) => [name, current[i]]))
}

interface Turn {
  readonly label: string
  readonly made: MadeClass
}

/** One turn of a loop as a class, from the vars before it to those after it. */
function writeTurn(unit: Unit, owner: Unit, loop: Loop, turn: number, reached: Reached): Turn {
  const label = labelOf(owner, [`${owner.instance === '' ? '' : `${owner.instance}/`}${loop.label}.${turn}`])
  const body = openUnit({
    walk: unit.walk,
    kind: 'class',
    module: unit.module,
    values: inside(unit.values, { [loop.index]: turn }),
    parent: unit,
    instance: owner.instance === '' ? label : `${owner.instance}/${label}`,
    reached,
  })
  for (const { name, start } of loop.carried) {
    const given = freshName(body, name)
    body.names.set(start, given)
    body.parameters.push({ name: given, captured: { kind: 'term', term: start } })
  }
  const results = loop.carried.map(({ next }) => next)
  prepare(body, [...results, ...reportsIn(loop.steps)], loop.steps)
  writeSteps(body, loop.steps)
  const given = results.map((term) => write(body, term).text)
  const returned = unit.module.reports ? [...given, `${thing(body, 'step')}.take_reports()`] : given
  say(body, `return ${returned.length === 1 ? returned[0] : returned.join(', ')}`)
  const made = defineClass(body, loop.label.replace(/s$/, ''), `One of the ${loop.label}.`)
  owner.children.set(label, childText(owner, label, made))
  return { label, made }
}

/** A loop over modules: the class of a turn, once for all turns that are alike. */
function writeModules(unit: Unit, loop: Loop, reached: readonly Reached[]): ReadonlyMap<string, string> {
  const owner = classAround(unit)
  if (owner !== unit) throw new Error('a loop with weights is in a function')
  const vars = new Map(
    loop.carried.map(({ name, initial }): [string, string] => {
      const value = write(unit, initial).text
      const holder = [...unit.names].find(([, of]) => of === name)
      const isFree = value === name || holder === undefined || (unit.uses.get(holder[0]) ?? 0) <= 0
      const taken = isFree && unit.taken.has(name) && value === name ? name : freshName(unit, name)
      if (taken !== value) say(unit, `${taken} = ${value}`)
      return [name, taken]
    }),
  )
  for (const [term, name] of unit.names) if ([...vars.values()].includes(name)) unit.names.delete(term)
  const indices = turnsOf(unit.values, loop)
  const turns = indices.map((turn, at) => writeTurn(unit, owner, loop, turn, reached[at]))
  loop.carried.forEach(({ name, start }) => unit.names.set(start, vars.get(name)!))
  const left = [...vars.values(), ...(unit.module.reports ? ['reports'] : [])].join(', ')
  const call = ({ made: { parameters } }: Turn): string => argumentsOf(unit, parameters).join(', ')
  const isUniform = new Set(turns.map((turn) => `${turn.made.name} ${call(turn)}`)).size === 1 && indices[0] === 0
  const added = unit.module.reports ? [`${thing(unit, 'step')}.reports.update(reports)`] : []
  if (turns.length > 0 && isUniform) {
    const args = call(turns[0])
    const single = loop.label.replace(/s$/, '') === loop.label ? `one_of_${loop.label}` : loop.label.replace(/s$/, '')
    const name = freshName(unit, single)
    say(unit, `for ${name} in self.${attribute(loop.label)}:`, ...indented([`${left} = ${name}(${args})`, ...added]))
  } else
    for (const [at, turn] of turns.entries()) {
      const member = indices[0] === 0 ? `[${indices[at]}]` : `["${indices[at]}"]`
      say(unit, `${left} = self.${attribute(loop.label)}${member}(${call(turn)})`, ...added)
    }
  for (const { start } of loop.carried) unit.names.delete(start)
  return vars
}
