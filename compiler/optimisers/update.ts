/** A recipe -> the graph of an update: gradients and what is remembered enter, weights move. */
import { dim } from '../../plan/dim.ts'
import type { Recipe } from '../../plan/recipe.ts'
import {
  gradientName,
  f16CopyName,
  optimizerStateName,
  optimizerStates,
  MAX_FINITE_NORM,
  updateUnbucketed,
  updateInputs,
  type UpdatedTensor,
} from '../../plan/update.ts'
import { createTape, type Tape } from '../autodiff/rule.ts'
import type { Graph, Node, Output } from '../graph/node.ts'
import { createBuilder, NO_ORIGIN, NONE } from '../ops/build.ts'
import { globalNorm } from './norm.ts'
import { ruleOf } from './rules.ts'
import type { UpdateOperands } from './rule.ts'

/**
 * Outputs: `norm`, f32 [], of the mean gradients before they are clipped; and each weight and what is remembered of it, in the place of the one
 * before. The gradients are sums over the recipe's micro-batches. `moved` are the recipe's weights, or bundles of them. In mixed precision the
 * gradients are those of scaled losses; where their norm is no number everything stays as it is, and rounded copies follow their weights.
 */
export function updateGraph(recipe: Recipe, moved: readonly UpdatedTensor[] = updateUnbucketed(recipe)): Graph {
  const builder = createBuilder()
  const tape = createTape(builder, NO_ORIGIN)
  const inputs = Object.keys(updateInputs(recipe, 0, 1)).map(
    (name) => builder.make('input', [], { name, dtype: 'f32', shape: [] }, NO_ORIGIN) as Graph['inputs'][number],
  )
  const scalars: Scalars = Object.fromEntries(inputs.map((input) => [input.params.name, input]))
  const sums = moved.map((weight) => leaf(tape, gradientName(weight.name), weight))
  const { norm, gradientOf, isSound } = (recipe.precision === 'mixed' ? scaledGradients : plainGradients)(
    tape,
    recipe,
    sums,
    scalars,
  )
  const steps = moved.flatMap((weight, at) => stepOf(tape, recipe, weight, gradientOf(at), scalars, isSound))
  return {
    name: `${recipe.model}.update`,
    doc: '',
    dims: [],
    inputs,
    docs: {},
    outputs: [{ name: 'norm', node: norm, doc: 'The global norm of the gradients.' }, ...steps],
  }
}

const leaf = (tape: Tape, name: string, { shape }: UpdatedTensor): Node =>
  tape.make('weight', [], { name, shape: shape.map((size) => dim(size)), source: { pieces: [], stacked: false }, doc: '' })

/** Inputs of the update by their names. */
type Scalars = Readonly<Record<string, Node | undefined>>

interface Gradients {
  readonly norm: Node
  /** The mean over the micro-batches, clipped, of the weight at a place. */
  readonly gradientOf: (at: number) => Node
  /** bool []: whether anything moves; null where it always does. */
  readonly isSound: Node | null
}

const normOf = (tape: Tape, means: readonly Node[]): Node =>
  means.length === 0 ? tape.filled([], 'f32', 0) : globalNorm(tape, means)

function plainGradients(tape: Tape, { accumulate, clip }: Recipe, sums: readonly Node[]): Gradients {
  const means = sums.map((sum) => mean(tape, sum, accumulate))
  const norm = normOf(tape, means)
  const factor = clip === null ? null : clipping(tape, norm, clip)
  return { norm, gradientOf: (at) => clipped(tape, means[at], factor), isSound: null }
}

/** One factor for the scale, the mean and the clip; it is 0 where the norm is no number, which each weight then reads from it alone. */
function scaledGradients(tape: Tape, { accumulate, clip }: Recipe, sums: readonly Node[], { unscale }: Scalars): Gradients {
  const share = mean(tape, unscale!, accumulate)
  const norm = normOf(
    tape,
    sums.map((sum) => clipped(tape, sum, share)),
  )
  const isNumber = tape.make('less_equal', [norm, tape.like(norm, MAX_FINITE_NORM)], NONE)
  const factor = tape.where(isNumber, clip === null ? share : tape.multiply(share, clipping(tape, norm, clip)))
  return {
    norm,
    gradientOf: (at) => clipped(tape, sums[at], factor),
    isSound: tape.make('less', [tape.like(factor, 0), factor], NONE),
  }
}

const mean = (tape: Tape, sum: Node, count: number): Node => (count === 1 ? sum : tape.times(sum, 1 / count))

/** clip / max(norm, clip): 1 up to the clip. */
function clipping(tape: Tape, norm: Node, clip: number): Node {
  const most = tape.like(norm, clip)
  return tape.divide(most, tape.make('maximum', [norm, most], NONE))
}

const clipped = (tape: Tape, gradient: Node, factor: Node | null): Node =>
  factor === null ? gradient : tape.multiply(gradient, tape.spread(factor, gradient.shape, []))

function stepOf(
  tape: Tape,
  { optimiser }: Recipe,
  learned: UpdatedTensor,
  gradient: Node,
  { rate, correction1, correction2 }: Scalars,
  isSound: Node | null,
): readonly Output[] {
  const rule = ruleOf(optimiser)
  const beside = (scalar: Node): Node => tape.spread(scalar, gradient.shape, [])
  const weight = leaf(tape, learned.name, learned)
  const names = optimizerStates(optimiser).map((word) => optimizerStateName(word, learned.name))
  const one = tape.filled([], 'f32', 1)
  const moved: UpdateOperands = {
    weight,
    gradient,
    decay: learned.decay,
    memory: names.map((name) => leaf(tape, name, learned)),
    rate: beside(learned.rate === 1 ? rate! : tape.times(rate!, learned.rate)),
    corrections: [beside(correction1 ?? one), beside(correction2 ?? one)],
  }
  const step = rule.step(tape, optimiser, moved)
  const kept = (next: Node, before: Node): Node =>
    isSound === null ? next : tape.make('select', [tape.spread(isSound, next.shape, []), next, before], NONE)
  const next = kept(step.weight, weight)
  const replaced = (name: string, node: Node): Output => ({ name: `next.${name}`, node, doc: '', replaces: name })
  return [
    replaced(learned.name, next),
    ...step.memory.map((node, at) => replaced(names[at], kept(node, moved.memory[at]))),
    ...(learned.hasF16Copy === true ? [replaced(f16CopyName(learned.name), tape.make('cast_f16', [next], NONE))] : []),
  ]
}

/** The rounded copies of weights made anew, as a run needs them that begins or goes on. */
export function f16CopiesGraph({ model }: Recipe, moved: readonly UpdatedTensor[]): Graph {
  const tape = createTape(createBuilder(), NO_ORIGIN)
  const outputs = moved
    .filter(({ hasF16Copy }) => hasF16Copy === true)
    .map((weight): Output => {
      const name = f16CopyName(weight.name)
      return {
        name: `made.${name}`,
        node: tape.make('cast_f16', [leaf(tape, weight.name, weight)], NONE),
        doc: '',
        replaces: name,
      }
    })
  return { name: `${model}.halves`, doc: '', dims: [], inputs: [], docs: {}, outputs }
}
