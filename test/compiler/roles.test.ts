/** Outputs of training programs have roles, and nothing goes by their names. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { differentiate } from '../../compiler/autodiff/differentiate.ts'
import { zeroGradientWeights } from '../../compiler/autodiff/zero-gradients.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import { parse } from '../../compiler/graph/parse.ts'
import { isOp, isState, nodesOf, stateNameOf } from '../../compiler/graph/walk.ts'
import { createBuilder } from '../../compiler/ops/build.ts'
import { accumulateGradients } from '../../compiler/optimisers/gradient-accumulation.ts'
import { compileTraining, trainingGraphs, trainingPlans, type TrainingGraphs } from '../../compiler/train.ts'
import type { Model } from '../../compiler/model/model.ts'
import { checkPlan } from '../../plan/check.ts'
import { outputName, type RoleKind } from '../../plan/output-role.ts'
import { competitionStepsOf } from '../../plan/recipe.ts'
import { PORTABLE } from '../../plan/target.ts'
import { optimizerStates } from '../../plan/update.ts'
import { load, root } from '../support/sources.ts'

const read = (text: string): Graph => parse(text, createBuilder().make)

const modelOf = (path: string, text: string): Model | null => compileTraining({ path, text }, { load }).model

const examples = readdirSync(join(root, 'examples'))
  .filter((name) => name.endsWith('.smoe'))
  .flatMap((name) => {
    const path = `examples/${name}`
    const model = modelOf(path, readFileSync(join(root, path), 'utf8'))
    return model === null || model.train === null ? [] : [{ name, model }]
  })

const roles = ({ outputs }: Pick<Graph, 'outputs'>): readonly RoleKind[] =>
  [...new Set(outputs.map(({ role }) => role!.kind))].sort()

/** The roles that the outputs of a step have. */
function expectedOf({ recipe }: TrainingGraphs): readonly RoleKind[] {
  const [metrics, routing] = [recipe.metrics.length > 0, recipe.layers.length > 0]
  return ['gradient', 'loss', ...(metrics ? ['metric' as const] : []), ...(routing ? ['routing' as const] : [])]
}

it('there are examples that train', () => expect(examples.length).toBeGreaterThan(1))

describe.each(examples)('every output of the programs of $name has a role', ({ model }) => {
  it.each(['f32', 'mixed'] as const)('in %s', (precision) => {
    const graphs = trainingGraphs(model, { precision })!
    const competing = graphs.recipe.layers.flatMap(competitionStepsOf).map(({ name }) => name)
    const states = optimizerStates(graphs.recipe.optimiser).length > 0 ? ['optimizer_state'] : []
    const copies = graphs.f16Weights.size > 0 ? ['f16_copy'] : []
    const steps = [[], competing].map((chosen) => graphs.step(chosen, false))
    for (const step of steps) {
      expect(roles(step)).toEqual(expectedOf(graphs))
      for (const { name, role } of step.outputs) expect(name).toBe(outputName(role!))
    }
    expect(roles(graphs.update())).toEqual([...copies, 'norm', ...states, 'weight'])
    expect(roles(graphs.evaluation())).toEqual(expectedOf(graphs).filter((kind) => kind !== 'gradient'))
    if (copies.length > 0) expect(roles(graphs.f16Copies())).toEqual(copies)
    const reported = steps.flatMap(({ outputs }) => outputs.flatMap(({ name, role }) => (role?.kind === 'loss' ? [name] : [])))
    expect(new Set(reported)).toEqual(new Set(graphs.recipe.losses))
  })
})

it.each(examples)('weights are weights and all other state is variables in the programs of $name', ({ model }) => {
  const graphs = trainingGraphs(model, { precision: 'mixed' })!
  const plans = trainingPlans(graphs, PORTABLE)
  const names = new Set(graphs.recipe.weights.map(({ name }) => name))
  const programs = [graphs.step([], true), graphs.step([], false), graphs.update(), graphs.evaluation(), graphs.f16Copies()]
  for (const node of programs.flatMap(nodesOf).filter(isState)) expect(names.has(stateNameOf(node))).toBe(isOp(node, 'weight'))
  for (const { weights } of [plans.step([], true), plans.step([], false), plans.update(), plans.f16Copies()])
    for (const { name, variable } of weights) expect(names.has(name)).toBe(variable === undefined)
})

it('the plan has the roles of its graph, and checks', () => {
  const graphs = trainingGraphs(examples[0].model)!
  const plans = trainingPlans(graphs, PORTABLE)
  for (const [graph, plan] of [
    [graphs.step([], false), plans.step([], false)],
    [graphs.update(), plans.update()],
  ] as const) {
    expect(plan.outputs.map(({ role }) => role)).toEqual(graph.outputs.map(({ role }) => role))
    expect(checkPlan(JSON.parse(JSON.stringify(plan))).problems).toEqual([])
  }
})

describe('an output of a user that is named as one of training', () => {
  const planted = (): Graph =>
    read(`graph "g"
%0 = weight name "w" source ["w"] doc "" : f32[2]
%1 = multiply(%0, %0) : f32[2]
%2 = sum(%1) axis 0 : f32[]
%3 = exp(%2) : f32[]
output "loss.user" = %3
output "loss" = %3
output "gradient.x" = %1
output "metric.user" = %3
output "loss.real" = %2 as loss path "" term "real"
`)
  const named = ({ outputs }: Graph, name: string) => outputs.find((output) => output.name === name)!

  it('is not differentiated', () => {
    const { node } = named(differentiate(planted()), 'gradient.w')
    const alone = differentiate({ ...planted(), outputs: planted().outputs.slice(-1) })
    expect(node.inputs.map(({ op }) => op)).toEqual(named(alone, 'gradient.w').node.inputs.map(({ op }) => op))
    expect(zeroGradientWeights([planted()])).toEqual([])
  })

  it('is not accumulated', () => {
    const kept = accumulateGradients(differentiate(planted()), false)
    expect(kept.outputs.flatMap(({ name, replaces }) => (replaces === undefined ? [] : [name]))).toEqual(['gradient.w'])
    expect(named(kept, 'gradient.x').node.op).toBe('multiply')
  })

  it('stays an output of the model', () => {
    const text = `model m() {
  input x: f32[2]
  output gradient = x * 2
  output loss = sum(x)
  output norm = sum(x * x)
}`
    const model = modelOf('m.smoe', text)
    expect(model?.outputs.map(({ name }) => name)).toEqual(['gradient', 'loss', 'norm'])
    expect(compileTraining({ path: 'm.smoe', text }, { load }).diagnostics).toEqual([])
  })
})
