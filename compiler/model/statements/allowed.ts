/** Which statements each declaration has, and how messages call them. */
import type { DeclarationKind, Statement } from '../../../grammar/ast.ts'

type Kind = Statement['kind']

const EVERYWHERE: readonly Kind[] = ['let', 'assign', 'repeat', 'assert']

/** Statements that are only allowed in `train`. */
const IN_TRAIN: readonly Kind[] = [
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
  'learns',
]

const ALLOWED: Readonly<Record<DeclarationKind, readonly Kind[]>> = {
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

const INSTEAD: Readonly<Record<DeclarationKind, Partial<Readonly<Record<Kind, string>>>>> = {
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
export const WORDS: Readonly<Record<Kind, string>> = {
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
  learns: 'learns',
}

export const isAllowed = (declares: DeclarationKind, kind: Kind): boolean => ALLOWED[declares].includes(kind)

/** What to write instead of a statement that is not allowed; null where there is no advice. */
export const insteadOf = (declares: DeclarationKind, kind: Kind): string | null =>
  declares === 'model' && IN_TRAIN.includes(kind) ? 'it belongs in `train { ... }`' : (INSTEAD[declares][kind] ?? null)
