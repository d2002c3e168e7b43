/** A policy as a class: scores, the selection and the weights, and what it does in training. */
import { competitionName } from '../../plan/recipe.ts'
import { pathIn } from '../lower/environment.ts'
import { BUILTINS } from '../model/builtin/table.ts'
import type { MoeTerm, Policy, PolicySection, Step, Term, TrainingBlock } from '../model/model.ts'
import { isDrawn } from '../model/routing/forms.ts'
import { argumentsOf, childText, defineClass, labelOf, memberText, prepare } from './bodies.ts'
import { library } from './builtins.ts'
import { indented } from './python.ts'
import { isTermLet, needsScores, termsOfPolicy } from './reach.ts'
import { TorchRefusal } from './refusal.ts'
import { resolved } from './resolve.ts'
import { freshName, inBlock, openUnit, say, thing, write, writeReport, writeSteps, type Unit } from './unit.ts'

/** The parts of a decision, by their names in the module. */
const PARTS = ['selected', 'weights', 'keep', 'scores', 'dense'] as const
type Part = (typeof PARTS)[number]

type Decision = Partial<Record<Part, Term>>

/** What a section decides. */
function decisionOf(section: PolicySection, hasScores: boolean): Decision {
  const { select, weights, keep } = section
  return {
    ...(select === null ? {} : { selected: select.selected }),
    ...(select === null || !hasScores ? {} : { scores: select.scores }),
    ...(weights === null ? {} : { weights }),
    ...(keep === null ? {} : { keep }),
  }
}

/** Defines the class of the policy in that of its moe, and calls it. */
export function writePolicy(owner: Unit, moe: MoeTerm, experts: string): string {
  const { policy } = moe
  const unit = openUnit({
    walk: owner.walk,
    kind: 'class',
    module: owner.module,
    values: owner.values,
    parent: owner,
    instance: pathIn(owner.values, policy.path.join('/')),
    reached: owner.reached,
    moe,
  })
  const hasScores = needsScores(moe)
  refuseDrawsBehindBlocks(policy)
  prepare(unit, [...termsOfPolicy(policy, hasScores)], allSteps(policy))
  writeForms(unit, moe, hasScores)
  const made = defineClass(unit, policy.name, policy.doc)
  const label = labelOf(owner, policy.path)
  owner.children.set(label, childText(owner, label, made))
  const given = made.parameters.map((one) =>
    one.captured.kind === 'thing' && one.captured.thing === 'experts' ? experts : argumentsOf(owner, [one])[0],
  )
  return `${memberText(label)}(${given.join(', ')})`
}

const sectionsOf = ({ blocks }: Policy): readonly PolicySection[] =>
  blocks.flatMap(({ training, otherwise }) => [training, otherwise])

const allSteps = (policy: Policy): readonly Step[] => [policy.own, ...sectionsOf(policy)].flatMap(({ steps }) => steps)

/** Streams are numbered in the order of the graph, where statements outside of blocks come first. */
function refuseDrawsBehindBlocks({ own }: Policy): void {
  const first = own.steps.findIndex(({ kind }) => kind === 'when')
  for (const step of first < 0 ? [] : own.steps.slice(first))
    if (isTermLet(step) && step.value.kind === 'apply' && BUILTINS[step.value.builtin].random !== undefined)
      throw new TorchRefusal('a draw behind `when training` has another random stream in the torch module', step.value.origin)
}

/** The whole decision: statements outside of blocks, and each block as a condition. */
function writeForms(unit: Unit, moe: MoeTerm, hasScores: boolean): void {
  const { policy } = moe
  const own = decisionOf(policy.own, hasScores)
  const names = new Map<Part, string>()
  const blocks = policy.blocks.map(({ training, otherwise }) => [
    decisionOf(training, hasScores),
    decisionOf(otherwise, hasScores),
  ])
  const isOpen = new Set(PARTS.filter((part) => blocks.some((sides) => sides.some((side) => part in side))))
  const isDense = policy.blocks.some(({ training, otherwise }) =>
    [training, otherwise].some((section) => denseOf(unit, section) !== null),
  )
  if (isDense) isOpen.add('dense')
  for (const part of isOpen) names.set(part, part === 'dense' ? freshName(unit, 'dense') : freshName(unit, part))
  const settled = new Set<Part>()
  const nameOwn = (): void => {
    const selected = own.selected === undefined ? undefined : resolved(unit, own.selected)
    if (selected !== undefined && !isOpen.has('selected') && !unit.lets.has(selected)) unit.lets.set(selected, 'selected')
  }
  nameOwn()
  let at = 0
  for (const step of policy.own.steps) {
    if (step.kind === 'when') {
      writeBlockOf(unit, moe, policy.blocks[step.block], { at: step.block, names, settled, hasScores })
      at++
    } else if (step.kind === 'loss') writeTrainingLoss(unit, step)
    else writeSteps(unit, [step])
  }
  if (at < policy.blocks.length) throw new Error('a block of a policy has no place')
  const decided = PARTS.flatMap((part): readonly (readonly [Part, string])[] => {
    const term = own[part]
    const name = names.get(part)
    if (name === undefined) return term === undefined ? [] : [[part, write(unit, term).text]]
    if (settled.has(part)) return [[part, name]]
    if (term === undefined) return [[part, name]]
    say(unit, `if ${name} is None:`, ...inBranch(unit, (branch) => void say(branch, `${name} = ${write(branch, term).text}`)))
    return [[part, name]]
  })
  const args = decided.map(([part, text]) => (part === 'selected' || part === 'weights' ? text : `${part}=${text}`))
  say(unit, `return ${library(unit, 'Routing', args).text}`)
}

function inBranch(unit: Unit, work: (branch: Unit) => void): readonly string[] {
  const branch = inBlock(unit)
  work(branch)
  return indented(branch.lines.length === 0 ? ['pass'] : branch.lines)
}

/** Losses of a policy are those of training. */
const writeTrainingLoss = (unit: Unit, step: Step & { kind: 'loss' }): void =>
  say(unit, `if ${thing(unit, 'step')}.training:`, ...inBranch(unit, (branch) => writeReport(branch, 'loss', step.loss)))

/** The outputs of all experts for the rows of the moe, where a section evaluates them. */
function denseOf(unit: Unit, { steps }: PolicySection): Term | null {
  const found = steps.find((step) => isTermLet(step) && step.value.kind === 'every-expert' && step.value.input.kind === 'given')
  return found !== undefined && isTermLet(found) && unit.reached.terms.has(found.value) ? found.value : null
}

interface Place {
  readonly at: number
  readonly names: ReadonlyMap<Part, string>
  readonly settled: Set<Part>
  readonly hasScores: boolean
}

function conditionOf(unit: Unit, { policy }: MoeTerm, block: TrainingBlock): string {
  const step = thing(unit, 'step')
  if (!isDrawn(block)) return `${step}.training`
  const at = policy.blocks.filter(isDrawn).indexOf(block)
  const suffix = competitionName('', at)
  return `${step}.competes(${moePath(unit, suffix)})`
}

/** The name of the layer: the policy's path without its last label. */
function moePath(unit: Unit, suffix: string): string {
  const path = thing(unit, 'path')
  return suffix === '' ? `${path}.rpartition("/")[0]` : `${path}.rpartition("/")[0] + "${suffix}"`
}

/** Terms behind the blocks whose value depends on this one. */
function branchesOf(unit: Unit, { own }: Policy, block: number): readonly (Term & { kind: 'branch' })[] {
  const parts = new Set<Term>(
    [...(own.select === null ? [] : [own.select.selected, own.select.scores]), own.weights, own.keep].filter(
      (one) => one !== null,
    ),
  )
  return [...unit.reached.terms].flatMap((term) =>
    term.kind === 'branch' && term.block === block && !parts.has(term) && (unit.uses.get(term) ?? 0) > 0 ? [term] : [],
  )
}

/** `if step.training:` and what is done there, else what is done otherwise. */
function writeBlockOf(unit: Unit, moe: MoeTerm, block: TrainingBlock, place: Place): void {
  const { names, settled } = place
  const branches = branchesOf(unit, moe.policy, place.at).map(
    (term) => [term, freshName(unit, nameOfBranch(unit, term, block))] as const,
  )
  const sides = [block.training, block.otherwise].map((section) => decisionOf(section, place.hasScores))
  // a part that only some forms settle is None in the others
  const begun = PARTS.filter(
    (part) => names.has(part) && !settled.has(part) && place.at === 0 && !sides.every((side) => part in side),
  )
  for (const part of begun) say(unit, `${names.get(part)!} = None`)
  const write1 = (section: PolicySection, side: Decision, isTraining: boolean): readonly string[] =>
    inBranch(unit, (branch) => {
      const selected = side.selected === undefined ? undefined : resolved(branch, side.selected)
      for (const step of section.steps) {
        if (step.kind === 'loss' && !isTraining) writeTrainingLoss(branch, step)
        else {
          if (selected !== undefined) settleSelected(branch, selected, names)
          writeSteps(branch, [step])
        }
      }
      if (selected !== undefined) settleSelected(branch, selected, names)
      for (const part of PARTS) {
        const term = part === 'dense' ? denseOf(branch, section) : side[part]
        if (term == null) continue
        const text = write(branch, term).text
        const name = names.get(part)!
        if (text !== name)
          say(
            branch,
            place.at > 0 && !settled.has(part) ? `${name} = ${text} if ${name} is None else ${name}` : `${name} = ${text}`,
          )
      }
      for (const [term, name] of branches) {
        const text = write(branch, isTraining ? term.training : term.otherwise).text
        if (text !== name) say(branch, `${name} = ${text}`)
      }
    })
  say(unit, `if ${conditionOf(unit, moe, block)}:`, ...write1(block.training, sides[0], true))
  const otherwise = write1(block.otherwise, sides[1], false)
  if (otherwise.some((line) => line.trim() !== 'pass')) say(unit, 'else:', ...otherwise)
  for (const part of PARTS) if (sides.every((side) => part in side)) settled.add(part)
  for (const [term, name] of branches) unit.names.set(term, name)
}

/** The selection is assigned to its name when a step first needs it. */
function settleSelected(branch: Unit, selected: Term, names: ReadonlyMap<Part, string>): void {
  const name = names.get('selected')
  if (name === undefined || branch.names.has(selected)) return
  branch.lets.set(selected, name)
  branch.fixed.set(selected, name)
}

/** The name that the sides give a value. */
function nameOfBranch(unit: Unit, { training }: Term & { kind: 'branch' }, block: TrainingBlock): string {
  const term = resolved(unit, training)
  const found = block.training.steps.find((step) => isTermLet(step) && resolved(unit, step.value) === term)
  return found !== undefined && found.kind === 'let' ? found.name : 'chosen'
}
