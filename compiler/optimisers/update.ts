/**
 * Optimizer update: a recipe -> the graph that reads weights, gradients and optimizer state, and updates weights and state in
 * place.
 */
import { dim } from '../../plan/dim.ts'
import { outputName, stateName, type StateRole } from '../../plan/output-role.ts'
import type { Recipe } from '../../plan/recipe.ts'
import { optimizerStates, MAX_FINITE_NORM, updateUnbucketed, updateInputs, type UpdatedTensor } from '../../plan/update.ts'
import { makerAt, type Maker } from '../ops/maker.ts'
import type { Graph, Node, Output } from '../graph/node.ts'
import { createBuilder, NO_ORIGIN, NONE } from '../ops/build.ts'
import { globalNorm } from './norm.ts'
import { ruleOf } from './rules.ts'
import type { UpdateOperands } from './rule.ts'

/**
 * Outputs: `norm`, f32 [], the global norm of the mean gradients before clipping; and each weight and its optimizer state, which
 * replace the values before. The gradients are sums over the micro-batches of the recipe. `updated` are the weights of the
 * recipe, or buckets of them. In mixed precision the gradients are those of scaled losses: where their norm is not finite the
 * update is skipped; f16 copies follow their weights.
 */
export function updateGraph(recipe: Recipe, updated: readonly UpdatedTensor[] = updateUnbucketed(recipe)): Graph {
  const builder = createBuilder()
  const make = makerAt(builder, NO_ORIGIN)
  const inputs = Object.keys(updateInputs(recipe, 0, 1)).map(
    (name) => builder.make('input', [], { name, dtype: 'f32', shape: [] }, NO_ORIGIN) as Graph['inputs'][number],
  )
  const scalars: Scalars = Object.fromEntries(inputs.map((input) => [input.params.name, input]))
  const sums = updated.map((weight) => persistent(make, { kind: 'gradient', of: weight.name }, weight))
  const { norm, gradientOf, isFinite } = (recipe.precision === 'mixed' ? scaledGradients : plainGradients)(
    make,
    recipe,
    sums,
    scalars,
  )
  const updates = updated.flatMap((weight, at) => updateOf(make, recipe, weight, gradientOf(at), scalars, isFinite))
  return {
    name: `${recipe.model}.update`,
    doc: '',
    dims: [],
    inputs,
    docs: {},
    outputs: [{ name: outputName(NORM), role: NORM, node: norm, doc: 'The global norm of the gradients.' }, ...updates],
  }
}

const NORM = { kind: 'norm' } as const

/** The next value of persistent state. */
const replacing = (role: StateRole, node: Node): Output => ({
  name: outputName(role),
  role,
  node,
  doc: '',
  replaces: stateName(role),
})

/** A weight, or a variable that belongs to it: 0 before it was written. */
function persistent(make: Maker, role: StateRole, tensor: UpdatedTensor): Node {
  const shape = tensor.shape.map((size) => dim(size))
  return role.kind === 'weight'
    ? make('weight', [], { name: role.of, shape, source: { pieces: [], stacked: false }, doc: '' })
    : make('variable', [], { role, shape })
}

/** Inputs of the update by their names. */
type Scalars = Readonly<Record<string, Node | undefined>>

interface Gradients {
  readonly norm: Node
  /** The gradient of the weight at an index: the mean over the micro-batches, clipped. */
  readonly gradientOf: (at: number) => Node
  /** bool []: whether the gradients are finite, so that the update is done; null where there is no check. */
  readonly isFinite: Node | null
}

const normOf = (make: Maker, means: readonly Node[]): Node =>
  means.length === 0 ? make.filled([], 'f32', 0) : globalNorm(make, means)

function plainGradients(make: Maker, { accumulate, clip }: Recipe, sums: readonly Node[]): Gradients {
  const means = sums.map((sum) => mean(make, sum, accumulate))
  const norm = normOf(make, means)
  const factor = clip === null ? null : clipping(make, norm, clip)
  return { norm, gradientOf: (at) => clipped(make, means[at], factor), isFinite: null }
}

/**
 * One factor for loss scale, mean and clipping. It is 0 where the norm is not finite, so that each weight reads the check from
 * it.
 */
function scaledGradients(make: Maker, { accumulate, clip }: Recipe, sums: readonly Node[], { unscale }: Scalars): Gradients {
  const share = mean(make, unscale!, accumulate)
  const norm = normOf(
    make,
    sums.map((sum) => clipped(make, sum, share)),
  )
  const isNormFinite = make('less_equal', [norm, make.like(norm, MAX_FINITE_NORM)], NONE)
  const factor = make.where(isNormFinite, clip === null ? share : make.multiply(share, clipping(make, norm, clip)))
  return {
    norm,
    gradientOf: (at) => clipped(make, sums[at], factor),
    isFinite: make('less', [make.like(factor, 0), factor], NONE),
  }
}

const mean = (make: Maker, sum: Node, count: number): Node => (count === 1 ? sum : make.times(sum, 1 / count))

/** clip / max(norm, clip): 1 up to the clip. */
function clipping(make: Maker, norm: Node, clip: number): Node {
  const most = make.like(norm, clip)
  return make.divide(most, make('maximum', [norm, most], NONE))
}

const clipped = (make: Maker, gradient: Node, factor: Node | null): Node =>
  factor === null ? gradient : make.multiply(gradient, make.broadcast(factor, gradient.shape, []))

function updateOf(
  make: Maker,
  { optimiser }: Recipe,
  tensor: UpdatedTensor,
  gradient: Node,
  { rate, correction1, correction2 }: Scalars,
  isFinite: Node | null,
): readonly Output[] {
  const rule = ruleOf(optimiser)
  const repeated = (scalar: Node): Node => make.broadcast(scalar, gradient.shape, [])
  const of = tensor.name
  const weight = persistent(make, { kind: 'weight', of }, tensor)
  const states = optimizerStates(optimiser).map((state): StateRole => ({ kind: 'optimizer_state', state, of }))
  const one = make.filled([], 'f32', 1)
  const operands: UpdateOperands = {
    weight,
    gradient,
    decay: tensor.decay,
    state: states.map((role) => persistent(make, role, tensor)),
    rate: repeated(tensor.rate === 1 ? rate! : make.times(rate!, tensor.rate)),
    biasCorrections: [repeated(correction1 ?? one), repeated(correction2 ?? one)],
  }
  const result = rule.update(make, optimiser, operands)
  const unlessSkipped = (next: Node, before: Node): Node =>
    isFinite === null ? next : make('select', [make.broadcast(isFinite, next.shape, []), next, before], NONE)
  const next = unlessSkipped(result.weight, weight)
  return [
    replacing({ kind: 'weight', of }, next),
    ...result.state.map((node, at) => replacing(states[at], unlessSkipped(node, operands.state[at]))),
    ...(tensor.hasF16Copy === true ? [replacing({ kind: 'f16_copy', of }, make('cast_f16', [next], NONE))] : []),
  ]
}

/** Computes the f16 copies of weights, which a run needs when it begins or resumes. */
export function f16CopiesGraph({ model }: Recipe, updated: readonly UpdatedTensor[]): Graph {
  const make = makerAt(createBuilder(), NO_ORIGIN)
  const outputs = updated
    .filter(({ hasF16Copy }) => hasF16Copy === true)
    .map((tensor) => {
      const of = tensor.name
      return replacing({ kind: 'f16_copy', of }, make('cast_f16', [persistent(make, { kind: 'weight', of }, tensor)], NONE))
    })
  return { name: `${model}.f16-copies`, doc: '', dims: [], inputs: [], docs: {}, outputs }
}
