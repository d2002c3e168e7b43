/** The `train` block of a model: its inputs, losses and metrics, and how the weights are trained. */
import type {
  BatchStatement,
  Declaration,
  GroupStatement,
  InitialiseStatement,
  LearnsStatement,
  MethodStatement,
  NumberSetting,
  NumberStatement,
  Statement,
  TrainStatement,
} from '../../../grammar/ast.ts'
import type { Span } from '../../../grammar/source.ts'
import { emptyTable } from '../../../plan/table.ts'
import { complain, folds, originOf, verify, type Frame } from '../context/context.ts'
import type { GroupFact, InitialiserFact, InputTerm, LearnsFact, MethodFact, Train } from '../model.ts'
import { tellable } from '../statements/ports.ts'
import { metricStatement } from '../routing/policy-statements.ts'
import { createScope, find } from '../context/scope.ts'
import { evaluate, type Static } from '../static/static.ts'
import { WORDS } from '../statements/allowed.ts'
import { run } from '../statements/statements.ts'
import { ofTerm } from '../context/value.ts'
import { checkBatch, readBatch } from './batch.ts'
import { methodOf, settingOf, settingsOf } from '../methods/method.ts'
import { ADAPTERS, GROUP, NUMBERS, OPTIMISERS, SCHEDULES } from '../methods/methods.ts'
import { matchesOf, readInitialiser, readSelection } from './matches.ts'

/** The settings so far, with their places, to report duplicates. */
interface Draft {
  readonly firsts: Map<string, Span>
  readonly numbers: Partial<Record<NumberSetting, Static>>
  readonly batch: Record<string, Static>
  readonly initialisers: InitialiserFact[]
  readonly groups: GroupFact[]
  readonly learns: LearnsFact[]
  optimiser: MethodFact | null
  schedule: MethodFact | null
}

const newDraft = (): Draft => ({
  firsts: new Map(),
  numbers: {},
  batch: emptyTable(),
  initialisers: [],
  groups: [],
  learns: [],
  optimiser: null,
  schedule: null,
})

/** Reports a duplicate setting. */
function isFirst(frame: Frame, draft: Draft, { kind, span }: Statement): boolean {
  const first = draft.firsts.get(kind)
  if (first === undefined) draft.firsts.set(kind, span)
  else
    complain(frame, {
      code: 'SMOE2003',
      message: `${WORDS[kind]} is already set`,
      span,
      related: [{ span: first, message: 'the first' }],
    })
  return first === undefined
}

/** Nesterov momentum needs momentum. */
function checkMomentum(frame: Frame, fact: MethodFact | null, span: Span): MethodFact | null {
  if (fact === null || fact.kind !== 'sgd') return fact
  const { momentum, nesterov } = fact.settings
  verify(frame, (lookup) => {
    const isIdle = evaluate(nesterov, lookup, folds) === true && evaluate(momentum, lookup, folds) === 0
    return isIdle
      ? {
          code: 'SMOE4001',
          message: 'nesterov needs momentum, which is 0',
          span,
          help: 'as in sgd(rate = 0.1, momentum = 0.9, nesterov = true)',
        }
      : null
  })
  return fact
}

function readMethod(frame: Frame, draft: Draft, { kind, method }: MethodStatement): void {
  if (kind === 'optimiser') draft.optimiser = checkMomentum(frame, methodOf(frame, method, OPTIMISERS, kind), method.span)
  else draft.schedule = methodOf(frame, method, SCHEDULES, kind)
}

function readNumber(frame: Frame, draft: Draft, { kind, value: node }: NumberStatement): void {
  const value = settingOf(frame, node, NUMBERS[kind], kind)
  if (value !== null) draft.numbers[kind] = value
}

function readGroup(frame: Frame, { pattern, settings: args, span }: GroupStatement): GroupFact | null {
  const settings = settingsOf(frame, 'group', GROUP, args, span)
  if (settings === null || matchesOf(frame, pattern) === null) return null
  const given = (name: string): Static | null => (args.some((one) => one.name?.text === name) ? settings[name] : null)
  return { pattern: pattern.value, rate: given('rate'), decay: given('decay') }
}

/** What one statement names; LoRA needs a matrix in each selection. */
function readLearns(frame: Frame, { method, selections }: LearnsStatement): readonly LearnsFact[] {
  const lora = method === null ? null : methodOf(frame, method, ADAPTERS, 'adapter')
  const named = selections.map((one) => readSelection(frame, one, method !== null))
  return method !== null && lora === null ? [] : named.flatMap((one) => (one === null ? [] : [{ named: one, lora }]))
}

const push = <T>(list: T[], one: T | null): void => {
  if (one !== null) list.push(one)
}

function read(frame: Frame, draft: Draft, statement: Statement): void {
  switch (statement.kind) {
    case 'let':
    case 'assign':
    case 'assert':
    case 'input':
    case 'loss':
      return void run(frame, statement)
    case 'metric':
      return metricStatement(frame, statement)
    case 'optimiser':
    case 'schedule':
      return isFirst(frame, draft, statement) ? readMethod(frame, draft, statement) : undefined
    case 'clip':
    case 'accumulate':
    case 'steps':
    case 'seed':
      return isFirst(frame, draft, statement) ? readNumber(frame, draft, statement) : undefined
    case 'batch':
      return isFirst(frame, draft, statement) ? void Object.assign(draft.batch, readBatch(frame, statement)) : undefined
    case 'initialise':
      return push(draft.initialisers, readInitialiser(frame, statement satisfies InitialiseStatement))
    case 'group':
      return push(draft.groups, readGroup(frame, statement))
    case 'learns':
      return void draft.learns.push(...readLearns(frame, statement))
    default:
      complain(frame, { code: 'SMOE2012', message: `${WORDS[statement.kind]} is not allowed in train`, span: statement.span })
  }
}

/** The surroundings of a train block: what it feeds is apart, outputs are seen by their names. */
function trainFrame(frame: Frame): Frame {
  const scope = createScope(frame.scope)
  for (const { name, term } of frame.context.outputs) {
    if (find(scope, name) === undefined && term.origin.span !== null)
      scope.bindings.set(name, { value: ofTerm(term), span: term.origin.span, mutable: false })
  }
  return {
    ...frame,
    scope,
    steps: [],
    isTraining: true,
    context: { ...frame.context, inputs: [], runDims: new Set(frame.context.runDims) },
  }
}

/** Names of inputs are those of one list, among them the seed and step that random numbers follow from. */
function checkNames(frame: Frame, own: readonly InputTerm[], outer: readonly InputTerm[]): void {
  for (const {
    name,
    origin: { span },
  } of own) {
    if (span !== null && outer.some((other) => other.name === name))
      complain(frame, { code: 'SMOE2003', message: `the input ${name} is already defined`, span })
  }
  for (const {
    name,
    origin: { span },
  } of [...outer, ...own]) {
    if (span !== null && name === 'random')
      complain(frame, { code: 'SMOE2003', message: 'random is reserved for the input of seed and step in training', span })
  }
}

/** What a block must have, with an example. */
const NEEDED: readonly (readonly [Statement['kind'], string])[] = [
  ['loss', 'loss next = cross_entropy(logits, targets)'],
  ['optimiser', 'optimiser adamw(rate = 3e-4)'],
]

function checkWhole(frame: Frame, outer: Frame, { body }: TrainStatement, head: Span): void {
  const missing = NEEDED.filter(([kind]) => !body.some((statement) => statement.kind === kind))
  if (missing.length > 0 && !frame.declaration.isPartial) {
    complain(frame, {
      code: 'SMOE2013',
      message: `train has ${missing.map(([kind]) => `no ${kind}`).join(' and ')}`,
      span: head,
      help: `as in ${missing[0][1]}`,
    })
  }
  const names = (steps: Frame['steps']): readonly string[] =>
    steps.flatMap((step) => (step.kind === 'loss' ? [step.loss.name] : []))
  const both = names(frame.steps).find((name) => names(outer.steps).includes(name))
  if (both !== undefined) complain(frame, { code: 'SMOE2003', message: `the loss ${both} is already defined`, span: head })
}

/** The block as facts; null where there is none, or after a mistake. Read when all else of the model is. */
export function trainOf(outer: Frame, { body }: Declaration): Train | null {
  const blocks = body.filter((statement): statement is TrainStatement => statement.kind === 'train')
  for (const extra of blocks.slice(1))
    complain(outer, {
      code: 'SMOE2003',
      message: 'a model can have only one `train`',
      span: extra.span,
      related: [{ span: blocks[0].span, message: 'the first' }],
    })
  if (blocks.length === 0) return null
  const [block] = blocks
  const { reporter } = outer.context
  const before = reporter.count
  const head: Span = { ...block.span, end: block.span.start + 'train'.length }
  const frame = trainFrame(outer)
  const draft = newDraft()
  for (const statement of block.body) read(frame, draft, statement)
  const { inputs, runDims } = frame.context
  checkNames(frame, inputs, outer.context.inputs)
  tellable({ ...frame, context: { ...frame.context, inputs: [...outer.context.inputs, ...inputs] } })
  checkWhole(frame, outer, block, head)
  checkBatch(frame, block.body.find((one): one is BatchStatement => one.kind === 'batch') ?? null, head)
  if (draft.optimiser === null || reporter.count > before) return null
  const { optimiser, schedule, numbers, batch, initialisers, groups, learns } = draft
  return {
    origin: originOf(outer, head),
    inputs,
    dims: [...runDims].filter((name) => !outer.context.runDims.has(name)),
    steps: frame.steps,
    optimiser,
    schedule,
    clip: numbers.clip ?? null,
    accumulate: numbers.accumulate ?? null,
    runSteps: numbers.steps ?? null,
    seed: numbers.seed ?? null,
    batch,
    initialisers,
    groups,
    learns: learns.length === 0 ? null : learns,
  }
}
