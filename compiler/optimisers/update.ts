/** A recipe -> the graph of an update: gradients and what is remembered enter, weights move. */
import { dim } from '../../plan/dim.ts'
import type { Recipe } from '../../plan/recipe.ts'
import { gradientName, memoryName, memoryWords, movedWeights, updateInputs, type MovedWeight } from '../../plan/update.ts'
import { createTape, type Tape } from '../autodiff/rule.ts'
import type { Graph, Node, Output } from '../graph/node.ts'
import { createBuilder, NO_ORIGIN, NONE } from '../ops/build.ts'
import { globalNorm } from './norm.ts'
import { ruleOf } from './rules.ts'
import type { Moved } from './rule.ts'

/**
 * Outputs: `norm`, f32 [], of the mean gradients before they are clipped; and each weight and what is remembered of it, in the place of the one
 * before. The gradients are sums over the recipe's micro-batches. `moved` are the recipe's weights, or bundles of them.
 */
export function updateGraph(recipe: Recipe, moved: readonly MovedWeight[] = movedWeights(recipe)): Graph {
  const builder = createBuilder()
  const tape = createTape(builder, NO_ORIGIN)
  const inputs = Object.keys(updateInputs(recipe, 0, 1)).map((name) =>
    builder.make('input', [], { name, dtype: 'f32', shape: [] }, NO_ORIGIN) as Graph['inputs'][number])
  const gradients = moved.map((weight) => mean(tape, leaf(tape, gradientName(weight.name), weight), recipe.accumulate))
  const norm = moved.length === 0 ? tape.filled([], 'f32', 0) : globalNorm(tape, gradients)
  const factor = recipe.clip === null ? null : clipping(tape, norm, recipe.clip)
  const steps = moved.flatMap((weight, at) => stepOf(tape, recipe, weight, clipped(tape, gradients[at], factor), inputs))
  return {
    name: `${recipe.model}.update`, doc: '', dims: [], inputs, docs: {},
    outputs: [{ name: 'norm', node: norm, doc: 'The global norm of the gradients.' }, ...steps],
  }
}

const leaf = (tape: Tape, name: string, { shape }: MovedWeight): Node =>
  tape.make('weight', [], { name, shape: shape.map((size) => dim(size)), source: { pieces: [], stacked: false }, doc: '' })

const mean = (tape: Tape, sum: Node, count: number): Node => (count === 1 ? sum : tape.times(sum, 1 / count))

/** clip / max(norm, clip): 1 up to the clip. */
function clipping(tape: Tape, norm: Node, clip: number): Node {
  const most = tape.like(norm, clip)
  return tape.divide(most, tape.make('maximum', [norm, most], NONE))
}

const clipped = (tape: Tape, gradient: Node, factor: Node | null): Node =>
  factor === null ? gradient : tape.multiply(gradient, tape.spread(factor, gradient.shape, []))

function stepOf(tape: Tape, { optimiser }: Recipe, learned: MovedWeight, gradient: Node, [rate, ...corrections]: readonly Node[]): readonly Output[] {
  const rule = ruleOf(optimiser)
  const beside = (scalar: Node): Node => tape.spread(scalar, gradient.shape, [])
  const weight = leaf(tape, learned.name, learned)
  const names = memoryWords(optimiser).map((word) => memoryName(word, learned.name))
  const one = tape.filled([], 'f32', 1)
  const moved: Moved = {
    weight, gradient, decay: learned.decay,
    memory: names.map((name) => leaf(tape, name, learned)),
    rate: beside(learned.rate === 1 ? rate : tape.times(rate, learned.rate)),
    corrections: [beside(corrections[0] ?? one), beside(corrections[1] ?? one)],
  }
  const step = rule.step(tape, optimiser, moved)
  const replaced = (name: string, node: Node): Output => ({ name: `next.${name}`, node, doc: '', replaces: name })
  return [replaced(learned.name, step.weight), ...step.memory.map((node, at) => replaced(names[at], node))]
}
