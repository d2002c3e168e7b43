/** Terms of the model -> nodes of the graph. */
import type { Node, Origin } from '../graph/node.ts'
import type { DType } from '../graph/vocabulary.ts'
import { DEFAULTS, substituteOptions } from '../model/builtin/options.ts'
import { BUILTINS, type BuiltinName } from '../model/builtin/table.ts'
import { isTerm, type ApplyTerm, type Loop, type Loss, type ScalarTerm, type Step, type Term } from '../model/model.ts'
import { isBanked } from '../model/types/rows.ts'
import type { Static } from '../model/static/static.ts'
import { constantNode, emitNodes, numbersNode, sizeNode } from './emit.ts'
import {
  inner,
  known,
  knownLoop,
  originIn,
  pathIn,
  sizeIn,
  sizesIn,
  staticValue,
  tryStatic,
  type Environment,
  type Reported,
} from './environment.ts'
import { applyBanked } from './experts.ts'
import { eligibleScores } from './masked-experts.ts'
import { evaluateAllExperts, moeNode } from './moe.ts'
import { progressInput } from './progress.ts'
import { trainableFrom } from './trainable.ts'
import { weightNode } from './weights.ts'

/** The node of a term; the same one each time. */
export function lowerTerm(environment: Environment, term: Term): Node {
  const done = known(environment, term)
  if (done !== undefined) return done
  const node = compute(environment, term)
  environment.nodes.set(term, node)
  return node
}

function compute(environment: Environment, term: Term): Node {
  switch (term.kind) {
    case 'input': {
      const shape = term.shape.map((size) => sizeIn(environment, size))
      return environment.builder.make(
        'input',
        [],
        { name: term.name, dtype: term.dtype, shape },
        originIn(environment, term.origin),
      )
    }
    case 'weight':
      return weightNode(environment, term)
    case 'scalar':
      return scalarNode(environment, term)
    case 'numbers': {
      const values = term.values.map((value) => Number(staticValue(environment, value)))
      return numbersNode(environment.builder, values, term.dtype, originIn(environment, term.origin))
    }
    case 'apply':
      return applyNode(environment, term)
    case 'call':
      lowerSteps(environment, term.steps)
      return lowerTerm(environment, term.result)
    case 'conditional':
      return lowerTerm(environment, staticValue(environment, term.condition) === true ? term.then : term.otherwise)
    case 'branch':
      return lowerTerm(environment, environment.active.has(term.block) ? term.training : term.otherwise)
    case 'bank':
      return lowerTerm(environment, term.weight)
    case 'after':
      return runLoop(environment, term.loop).get(term.name)!
    case 'moe':
      return moeNode(environment, term)
    case 'every-expert':
      return evaluateAllExperts(environment, term)
    case 'eligible':
      return eligibleScores(environment, term)
    case 'given':
    case 'carried':
      throw new Error(`nothing gives ${term.name}`)
    default:
      return term satisfies never
  }
}

function scalarNode(environment: Environment, { value, dtype, origin }: ScalarTerm): Node {
  const at = originIn(environment, origin)
  if (value.kind === 'int') return sizeNode(environment.builder, sizeIn(environment, value.dim), dtype, at)
  return staticNode(environment, value, dtype, at)
}

/** A number known at compile time, or worked out from what only a run knows: its sizes, and how far a training has come. */
function staticNode(environment: Environment, value: Static, dtype: DType, at: Origin): Node {
  if (value.kind === 'int') return sizeNode(environment.builder, sizeIn(environment, value.dim), dtype, at)
  const known = tryStatic(environment, value)
  if (known !== undefined) return constantNode(environment.builder, Number(known), dtype, at)
  if (value.kind === 'moment') return progressInput(environment.builder, environment.progress, value.name, at)
  if (value.kind !== 'operation') throw new Error('a parameter has no value')
  const builtin = OPERATORS[value.word] ?? (value.word as BuiltinName)
  const operands = value.operands.map((operand) => staticNode(environment, operand, operandType(operand, dtype), at))
  return BUILTINS[builtin].expand(emitNodes(environment, at), operands, DEFAULTS)
}

/** The dtype of an operand: conditions are bool, and numbers are compared as f32. */
const operandType = ({ type }: Static, dtype: DType): DType => (type === 'bool' ? 'bool' : dtype === 'bool' ? 'f32' : dtype)

const OPERATORS: Readonly<Record<string, BuiltinName>> = {
  '+': 'add',
  '-': 'subtract',
  '*': 'multiply',
  '/': 'divide',
  '%': 'remainder',
  '<': 'less',
  '<=': 'less_equal',
  '>': 'greater',
  '>=': 'greater_equal',
  '==': 'equal',
  '!=': 'not_equal',
  if: 'where',
}

/** Whether chance does nothing to the first operand: outside of training, and where there is none of it. */
function isStill(environment: Environment, { builtin, operands: [, amount] }: ApplyTerm): boolean {
  if (BUILTINS[builtin].random !== 'noise') return false
  return !environment.training || (amount.kind === 'scalar' && tryStatic(environment, amount.value) === 0)
}

function applyNode(environment: Environment, term: ApplyTerm): Node {
  if (isStill(environment, term)) return lowerTerm(environment, term.operands[0])
  const operands = term.operands.map((operand) => lowerTerm(environment, operand))
  if (environment.expertOfRow !== null && term.operands.some((operand) => isBanked(operand)))
    return applyBanked(environment, term, operands)
  const emit = emitNodes(environment, originIn(environment, term.origin))
  return BUILTINS[term.builtin].expand(emit, operands, substituteOptions(term.options, sizesIn(environment)))
}

/** Lets are lowered in the order of the text, which keeps chains of them flat. */
export function lowerSteps(environment: Environment, steps: readonly Step[]): void {
  for (const step of steps) {
    switch (step.kind) {
      case 'let':
        if (isTerm(step.value)) lowerTerm(environment, step.value)
        break
      case 'loop':
        runLoop(environment, step.loop)
        break
      case 'once':
        step.steps.forEach((one) => computeStepAtLoad(environment, step.path, one))
        break
      case 'loss':
        if (environment.reports) environment.losses.push(reported(environment, 'loss', step.loss))
        break
      case 'metric':
        environment.metrics.push(reported(environment, 'metric', step.metric))
        break
      case 'param':
      case 'when':
        break
      default:
        step satisfies never
    }
  }
}

/**
 * What stands in `once` goes by its path from here on: whoever runs the graph makes it when weights are loaded. Where a model is
 * told of while it learns, what depends on trainable weights is computed in every run.
 */
function computeStepAtLoad(environment: Environment, path: readonly string[], step: Step): void {
  if (step.kind !== 'let' || !isTerm(step.value)) return lowerSteps(environment, [step])
  const { value } = step
  const name = pathIn(environment, [...path, step.name].join('.'))
  const node = lowerTerm(environment, value)
  if (environment.evaluation && trainableFrom([node]).size > 0) return
  environment.nodes.set(value, environment.builder.make('compute_at_load', [node], { name }, originIn(environment, value.origin)))
}

const reported = (environment: Environment, kind: 'loss' | 'metric', { name, path, term, doc }: Loss): Reported => ({
  role: { kind, path: pathIn(environment, path.join('.')), term: name },
  doc,
  node: lowerTerm(environment, term),
})

/** Runs a loop once in an environment: its turns one after the other, each var from turn to turn. */
function runLoop(environment: Environment, loop: Loop): ReadonlyMap<string, Node> {
  const done = knownLoop(environment, loop)
  if (done !== undefined) return done
  const from = Number(staticValue(environment, { kind: 'int', type: 'int', dim: loop.from }))
  const to = Number(staticValue(environment, { kind: 'int', type: 'int', dim: loop.to }))
  let values = loop.carried.map(({ initial }) => lowerTerm(environment, initial))
  for (let turn = from; turn < to; turn++) {
    const body = inner(environment, { values: { [loop.index]: turn } })
    loop.carried.forEach(({ start }, i) => body.nodes.set(start, values[i]))
    lowerSteps(body, loop.steps)
    values = loop.carried.map(({ next }) => lowerTerm(body, next))
  }
  const named = new Map(loop.carried.map(({ name }, i) => [name, values[i]]))
  environment.loops.set(loop, named)
  return named
}
