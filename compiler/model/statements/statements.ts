/** Statements, by their form. */
import type {
  AssertStatement,
  AssignStatement,
  LetStatement,
  OnceStatement,
  ReturnStatement,
  Statement,
} from '../../../grammar/ast.ts'
import { WORDS, insteadOf, isAllowed } from './allowed.ts'
import { paramStatement } from './param.ts'
import { bind, sameType, typed } from '../expressions/bind.ts'
import { bounded, complain, elaborate, folds, verify, wordsOf, type Frame } from '../context/context.ts'
import { rememberFacts } from '../static/facts.ts'
import type { Step } from '../model.ts'
import { article, isLost, nearest } from '../context/names.ts'
import { dependsOnRun } from '../types/once.ts'
import { keepStatement, lossStatement, selectStatement, weighStatement } from '../routing/policy-statements.ts'
import { inputStatement, outputStatement } from './ports.ts'
import { repeatStatement } from './repeat.ts'
import { assign, createScope, find, namesIn } from '../context/scope.ts'
import { evaluate } from '../static/static.ts'
import { whenTraining } from '../routing/when-training.ts'
import { typeText, UNKNOWN, type Value } from '../context/value.ts'
import { waitsForRun, wantStatic } from '../types/compile-time.ts'

/** Checks statements; the returned value, or null. */
export function statements(frame: Frame, list: readonly Statement[]): Value | null {
  let result: Value | null = null
  for (const statement of list) {
    const { declares } = frame.declaration
    if (!isAllowed(declares, statement.kind)) {
      complain(frame, {
        code: 'SMOE2012',
        message: `${WORDS[statement.kind]} is not allowed in ${article(declares)}`,
        span: statement.span,
        help: insteadOf(declares, statement.kind),
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
    case 'learns':
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
