/** A checked model as one module of Python: `model.py`. */
import { BY_PATH } from '../../plan/weight-path.ts'
import type { Values } from '../lower/environment.ts'
import type { InputTerm, Model, Step, Term } from '../model/model.ts'
import { defineClass, prepare } from './bodies.ts'
import { libraryText } from './library/library.ts'
import { createModule, type Module } from './module.ts'
import { docstring, indented, parameterPath } from './python.ts'
import { reach, reportsIn, type Reached } from './reach.ts'
import { resolved } from './resolve.ts'
import { WALK } from './terms.ts'
import { freshName, openUnit, say, write, writeSteps, type Unit } from './unit.ts'

export interface TorchModule {
  /** The text of the module. */
  readonly text: string
  /** The paths of the weights that it has, in its order. */
  readonly weights: readonly string[]
  /** Whether experts can lie on several ranks: no policy reads the weights of all of them. */
  readonly isParallel: boolean
}

const trainOf = (model: Model): { readonly inputs: readonly InputTerm[]; readonly steps: readonly Step[] } =>
  model.train ?? { inputs: [], steps: [] }

/** Every body in what is reached. */
const everywhere = ({ terms, turns }: Reached): readonly Term[] => [
  ...terms,
  ...[...turns.values()].flatMap((all) => all.flatMap(everywhere)),
]

const reportsAnything = (terms: readonly Term[]): boolean =>
  terms.some((term) => {
    if (term.kind === 'call') return reportsIn(term.steps).length > 0
    if (term.kind === 'after') return reportsIn(term.loop.steps).length > 0
    if (term.kind !== 'moe') return false
    const { own, blocks } = term.policy
    return [own, ...blocks.flatMap(({ training, otherwise }) => [training, otherwise])].some(
      ({ steps }) => reportsIn(steps).length > 0,
    )
  })

/** Throws a TorchRefusal for what has no form in torch. */
export function torchModule(model: Model): TorchModule {
  const values: Values = { model, values: model.values }
  const train = trainOf(model)
  const roots = [...model.outputs.map(({ term }) => term), ...reportsIn(model.steps), ...reportsIn(train.steps)]
  const reached = reach(values, roots, [...model.steps, ...train.steps])
  const terms = everywhere(reached)
  const called = new Set(terms.flatMap((term) => (term.kind === 'call' && term.declares === 'fn' ? [term.name] : [])))
  const module = createModule(called, reportsAnything(terms))
  module.use('Step')
  const unit = openUnit({ walk: WALK, kind: 'class', module, values, parent: null, instance: '', reached })
  writeForward(unit, model)
  defineClass(unit, 'model', model.doc)
  const isParallel = !module.readsBanks() && module.used.has('mixture')
  if (isParallel) module.use('ExpertParallel')
  const weights = module.weights()
  return { text: textOf(model, module, weights, isParallel), weights, isParallel }
}

function writeForward(unit: Unit, model: Model): void {
  const train = trainOf(model)
  const inputs = [...model.inputs, ...train.inputs]
  for (const input of inputs) {
    const name = freshName(unit, input.name)
    unit.names.set(input, name)
    unit.parameters.push({ name, captured: { kind: 'term', term: input }, isOptional: train.inputs.includes(input) })
  }
  unit.parameters.push({ name: 'step', captured: { kind: 'thing', thing: 'step' }, isOptional: true })
  const outputs = model.outputs.map(({ term }) => term)
  prepare(unit, [...outputs, ...reportsIn(model.steps), ...reportsIn(train.steps)], [...model.steps, ...train.steps])
  for (const { name, term } of model.outputs) {
    const output = resolved(unit, term)
    if (!unit.lets.has(output) && unit.names.get(output) === undefined) unit.lets.set(output, name)
  }
  say(unit, 'step = step or Step()')
  writeSteps(unit, model.steps)
  const given = model.outputs.map(({ name, term }) => `"${name}": ${write(unit, term).text}`)
  if (model.train === null) return say(unit, `return {${given.join(', ')}}`)
  say(unit, 'if step.mode == "inference":', ...indented([`return {${given.join(', ')}}`]))
  writeSteps(unit, train.steps)
  say(unit, 'return step.take_reports()')
}

const IMPORTS = [
  'import math',
  'from dataclasses import dataclass, field',
  '',
  'import torch',
  'import torch.distributed as dist',
  'import torch.nn.functional as F',
  'from torch import nn',
]

function textOf(model: Model, module: Module, weights: readonly string[], isParallel: boolean): string {
  const renamed = weights.filter((path) => parameterPath(path) !== path)
  const about = `The model ${model.name}, written by \`smoe export --to torch\`. ${model.doc}`
  const parts = [
    [...docstring(about), '', ...IMPORTS].join('\n'),
    ...libraryText(module.used),
    ...module.definitions.map(({ lines }) => lines.join('\n')),
    weightsText(renamed, isParallel ? module.banks() : []),
  ]
  return `${parts.join('\n\n\n')}\n`
}

const dictText = (entries: Readonly<Record<string, string>>): string =>
  `{${Object.entries(entries)
    .map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`)
    .join(', ')}}`

/** How weights are read and written: by the paths that they have in the spec. */
function weightsText(renamed: readonly string[], banks: readonly string[]): string {
  return `#: Classes of experts, whose weights can lie on several ranks.
BANKS = (${banks.map((name) => `${name},`).join(' ')})
#: Parameters whose names Python or torch has another use for, and the paths of the weights.
RENAMED = ${dictText(Object.fromEntries(renamed.map((path) => [parameterPath(path), path])))}


def load_weights(model, path):
    """Reads weights by their paths from a safetensors file."""
    from safetensors.torch import load_file

    tensors = load_file(path)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(tensors[RENAMED.get(name, name)])
    return model


def save_weights(tensors, path):
    """Writes tensors by the names of their parameters; \`smoe\` reads them with --weights."""
    from safetensors.torch import save_file

    named = {RENAMED.get(name, name): tensor.detach().float().cpu().contiguous() for name, tensor in tensors.items()}
    save_file(named, path, metadata=${dictText(BY_PATH)})`
}
