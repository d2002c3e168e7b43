/** Statements, by their form. */
import type {
  AssertStatement,
  AssignStatement,
  DeclarationKind,
  LetStatement,
  OnceStatement,
  ParamStatement,
  ReturnStatement,
  Statement,
} from '../../../grammar/ast.ts'
import { symbolsOf } from '../../../plan/dim.ts'
import { bind, sameType, typed } from '../expressions/bind.ts'
import { bounded, complain, elaborate, folds, originOf, verify, wordsOf, type Frame } from '../context/context.ts'
import { rememberFacts } from '../static/facts.ts'
import type { Step, WeightTerm } from '../model.ts'
import { article, isLost, nearest } from '../context/names.ts'
import { dependsOnRun } from '../types/once.ts'
import { keepStatement, lossStatement, selectStatement, weighStatement } from '../routing/policy-statements.ts'
import { inputStatement, outputStatement } from './ports.ts'
import { repeatStatement } from './repeat.ts'
import { assign, createScope, find, namesIn } from '../context/scope.ts'
import { closedShape, dtypeOf, isCountable } from '../types/shapes.ts'
import { evaluate } from '../static/static.ts'
import { initialiserOf } from '../methods/method.ts'
import { whenTraining } from '../routing/when-training.ts'
import { ofTerm, typeText, UNKNOWN, type Value } from '../context/value.ts'
import { waitsForRun, wantStatic } from '../types/compile-time.ts'

const EVERYWHERE: readonly Statement['kind'][] = ['let', 'assign', 'repeat', 'assert']

/** Statements that are only allowed in `train`. */
const IN_TRAIN: readonly Statement['kind'][] = [
  'metric',
  'optimiser',
  'schedule',
  'clip',
  'accumulate',
  'steps',
  'seed',
  'batch',
  'initialise',
  'group',
]

const ALLOWED: Readonly<Record<DeclarationKind, readonly Statement['kind'][]>> = {
  fn: [...EVERYWHERE, 'return'],
  block: [...EVERYWHERE, 'return', 'param', 'once'],
  expert: [...EVERYWHERE, 'return', 'param', 'once'],
  policy: [...EVERYWHERE, 'param', 'once', 'select', 'weigh', 'keep', 'loss', 'when-training'],
  model: [...EVERYWHERE, 'param', 'once', 'input', 'output', 'weights', 'loss', 'train'],
}

export const GIVES = 'a model returns named outputs: `output y = ...`'
const RETURNS = 'write `return` instead'
const ROUTES = 'only a `policy` selects and weighs experts'
const GIVEN = 'its parameters are in parentheses after its name, as in (x: f32[N, D])'

/** What to write instead of a statement that is not allowed in a declaration. */
const INSTEAD: Readonly<Record<DeclarationKind, Partial<Readonly<Record<Statement['kind'], string>>>>> = {
  fn: {
    output: RETURNS,
    input: GIVEN,
    param: 'only a `block` or an `expert` has weights',
    once: 'only a `block` or an `expert` has weights',
    select: ROUTES,
    weigh: ROUTES,
    keep: ROUTES,
  },
  block: { output: RETURNS, input: GIVEN, select: ROUTES, weigh: ROUTES, keep: ROUTES },
  expert: { output: RETURNS, input: GIVEN, select: ROUTES, weigh: ROUTES, keep: ROUTES },
  policy: {
    return: 'a policy does not return; write `select top k by scores` and then `weigh softmax(pick(scores, selected))`',
    output: 'a policy does not return; write `select top k by scores` and then `weigh softmax(pick(scores, selected))`',
    input: 'a policy has the tokens as x: f32[T, D]',
  },
  model: { return: GIVES, select: ROUTES, weigh: ROUTES, keep: ROUTES },
}

/** How messages call a statement. */
export const WORDS: Readonly<Record<Statement['kind'], string>> = {
  let: 'let',
  assign: 'an assignment',
  param: 'param',
  input: 'input',
  output: 'output',
  return: 'return',
  repeat: 'repeat',
  select: 'select',
  weigh: 'weigh',
  keep: 'keep',
  loss: 'loss',
  once: 'once',
  'when-training': 'when training',
  weights: 'weights',
  assert: 'assert',
  train: 'train',
  metric: 'metric',
  optimiser: 'optimiser',
  schedule: 'schedule',
  clip: 'clip',
  accumulate: 'accumulate',
  steps: 'steps',
  seed: 'seed',
  batch: 'batch',
  initialise: 'initialise',
  group: 'group',
}

/** Checks statements; the returned value, or null. */
export function statements(frame: Frame, list: readonly Statement[]): Value | null {
  let result: Value | null = null
  for (const statement of list) {
    if (!ALLOWED[frame.declaration.declares].includes(statement.kind)) {
      const help =
        IN_TRAIN.includes(statement.kind) && frame.declaration.declares === 'model'
          ? 'it belongs in `train { ... }`'
          : (INSTEAD[frame.declaration.declares][statement.kind] ?? null)
      complain(frame, {
        code: 'SMOE2012',
        message: `${WORDS[statement.kind]} is not allowed in ${article(frame.declaration.declares)}`,
        span: statement.span,
        help,
      })
      if ('name' in statement && !frame.scope.bindings.has(statement.name.text)) bind(frame, statement.name, UNKNOWN)
      if (frame.policy !== null) frame.policy.isBroken = true
      continue
    }
    const returned = bounded(frame, statement.span, null, () => run(frame, statement))
    if (returned !== null) result = returned
  }
  return result
}

/** Checks one statement that is allowed here; the value it returns. */
export function run(frame: Frame, statement: Statement): Value | null {
  switch (statement.kind) {
    case 'let':
      return (letStatement(frame, statement), null)
    case 'assign':
      return (assignStatement(frame, statement), null)
    case 'param':
      return (paramStatement(frame, statement), null)
    case 'return':
      return returnStatement(frame, statement)
    case 'repeat':
      return (repeatStatement(frame, statement), null)
    case 'assert':
      return (assertStatement(frame, statement), null)
    case 'once':
      return (onceStatement(frame, statement), null)
    case 'input':
      return (inputStatement(frame, statement), null)
    case 'output':
      return (outputStatement(frame, statement), null)
    case 'select':
      return (selectStatement(frame, statement), null)
    case 'weigh':
      return (weighStatement(frame, statement), null)
    case 'keep':
      return (keepStatement(frame, statement), null)
    case 'loss':
      return (lossStatement(frame, statement), null)
    case 'when-training':
      return (whenTraining(frame, statement), null)
    // entries need all paths, and training all outputs: both are checked after the body
    case 'weights':
    case 'train':
      return null
    // only allowed in train
    case 'metric':
    case 'optimiser':
    case 'schedule':
    case 'clip':
    case 'accumulate':
    case 'steps':
    case 'seed':
    case 'batch':
    case 'initialise':
    case 'group':
      return null
    default:
      return statement satisfies never
  }
}

const step = (frame: Frame, made: Step): void => {
  frame.steps.push(made)
}

function letStatement(frame: Frame, { name, type, value: expression, mutable, doc }: LetStatement): void {
  const value = typed(frame, type, elaborate(frame, expression), expression.span, name.text)
  bind(frame, name, value, mutable)
  if (value.kind === 'list')
    complain(frame, { code: 'SMOE3003', message: 'a list is only allowed as an argument of a call', span: expression.span })
  if (value.kind === 'tensor') step(frame, { kind: 'let', name: name.text, value: value.term, doc: doc.join('\n') })
  if (value.kind === 'static') step(frame, { kind: 'let', name: name.text, value: value.static, doc: doc.join('\n') })
}

function assignStatement(frame: Frame, { name, value: expression }: AssignStatement): void {
  const value = elaborate(frame, expression)
  const binding = find(frame.scope, name.text)
  if (binding === undefined) {
    if (isLost(frame, name.text)) return
    complain(frame, {
      code: 'SMOE2001',
      message: `\`${name.text}\` is not defined here`,
      span: name.span,
      ...nearest(name, () => namesIn(frame.scope), `declare it with var ${name.text} = ...`),
    })
    return
  }
  if (!binding.mutable) {
    complain(frame, {
      code: 'SMOE2010',
      message: `${name.text} is not a var and cannot be assigned`,
      span: name.span,
      related: [{ span: binding.span, message: 'declared here' }],
      help: `declare it with var ${name.text} = ...`,
    })
    return
  }
  if (value.kind === 'unknown') return
  if (binding.value.kind !== 'unknown' && !sameType(frame, binding.value, value)) {
    complain(frame, {
      code: 'SMOE3010',
      message: `${name.text} has the type ${typeText(binding.value)}, but this is ${typeText(value)}`,
      span: expression.span,
      related: [{ span: binding.span, message: 'declared here' }],
    })
    return
  }
  assign(frame.scope, name.text, value)
  if (value.kind === 'tensor') step(frame, { kind: 'let', name: name.text, value: value.term, doc: '' })
  if (value.kind === 'static') step(frame, { kind: 'let', name: name.text, value: value.static, doc: '' })
}

function paramStatement(frame: Frame, { name, type, initialiser: method, doc, span }: ParamStatement): void {
  const { context } = frame
  const [shape, dtype] = [closedShape(frame, type), dtypeOf(frame, type)]
  const initialiser = method === null ? null : initialiserOf(frame, method, shape?.length ?? null)
  const atRun = shape?.flatMap(symbolsOf).find((symbol) => context.runDims.has(symbol))
  if (dtype !== null && dtype !== 'f32')
    complain(frame, { code: 'SMOE3013', message: `a weight must be f32, not ${dtype}`, span: type.dtype.span })
  else if (atRun !== undefined)
    complain(frame, {
      code: 'SMOE3013',
      message: `the sizes of a weight must be known at compile time, but ${atRun} is only known at run time`,
      span: type.span,
    })
  if (shape === null || dtype !== 'f32' || atRun !== undefined) return bind(frame, name, UNKNOWN)
  if (frame.bank !== null && !isCountable(frame, [frame.bank.count, ...shape], span)) return bind(frame, name, UNKNOWN)
  const path = [...frame.path, name.text].join('.')
  const term: WeightTerm = {
    kind: 'weight',
    path,
    bank: frame.bank?.count ?? null,
    initialiser,
    doc: doc.join('\n'),
    shape,
    dtype,
    origin: originOf(frame, span),
  }
  const stackedPath =
    frame.bank === null
      ? null
      : [...frame.path.slice(0, frame.bank.depth), '{*}', ...frame.path.slice(frame.bank.depth), name.text].join('.')
  context.weights.push({ term, stackedPath, loops: frame.loops, source: null })
  bind(frame, name, ofTerm(term))
  step(frame, { kind: 'param', name: name.text, term })
}

function returnStatement(frame: Frame, { value: expression }: ReturnStatement): Value {
  const value = elaborate(frame, expression)
  return typed(frame, frame.declaration.result, value, expression.span, `the result of ${frame.declaration.name.text}`)
}

function assertStatement(frame: Frame, { condition, message, span }: AssertStatement): void {
  const law = wantStatic(frame, condition, 'bool', 'the condition of `assert`')
  if (law === null || waitsForRun(frame, law, 'the condition of `assert`', condition.span)) return
  const holds = verify(frame, (lookup) => {
    if (evaluate(law, lookup, folds) !== false) return null
    return {
      code: 'SMOE4002',
      message:
        message === null
          ? `${wordsOf(condition.span)} does not hold`
          : `${message.value}: ${wordsOf(condition.span)} does not hold`,
      span,
    }
  })
  if (holds) rememberFacts(law, frame.context.quotients)
}

/** Its lets are visible after it, and depend only on weights. */
function onceStatement(frame: Frame, { body: list }: OnceStatement): void {
  const inner: Frame = { ...frame, steps: [], scope: createScope(frame.scope) }
  for (const statement of list) {
    if (statement.kind !== 'let') {
      complain(frame, {
        code: 'SMOE2012',
        message: `${WORDS[statement.kind]} is not allowed in once, which contains only lets`,
        span: statement.span,
      })
      continue
    }
    run(inner, statement)
    const { value } = inner.scope.bindings.get(statement.name.text) ?? { value: UNKNOWN }
    if (value.kind === 'tensor' && dependsOnRun(frame.context, value.term)) {
      complain(frame, {
        code: 'SMOE3012',
        message: `${statement.name.text} depends on the inputs, but a value in once may depend only on weights`,
        span: statement.value.span,
      })
    }
  }
  for (const [name, { value, span }] of inner.scope.bindings) bind(frame, { text: name, span }, value)
  step(frame, { kind: 'once', path: frame.path, steps: inner.steps })
}
