/** A recipe -> the graph of an update: gradients and what is remembered enter, weights move. */
import { dim } from '../../plan/dim.ts'
import type { LearnedWeight, Recipe } from '../../plan/recipe.ts'
import { gradientOutput } from '../autodiff/differentiate.ts'
import { createTape, type Tape } from '../autodiff/rule.ts'
import type { Graph, Node, Output } from '../graph/node.ts'
import { createBuilder, NO_ORIGIN, NONE } from '../ops/build.ts'
import { globalNorm } from './norm.ts'
import { ruleOf } from './rules.ts'
import type { Moved } from './rule.ts'

/** The weights that an update moves. */
export const movedWeights = ({ weights }: Recipe): readonly LearnedWeight[] => weights.filter(({ rate }) => rate !== 0)

/** Names of what the optimiser remembers, all weights one after the other. */
export const memoryNames = (recipe: Recipe): readonly string[] =>
  movedWeights(recipe).flatMap(({ name }) => ruleOf(recipe.optimiser).memory(recipe.optimiser).map((word) => `${word}.${name}`))

/** Inputs of the graph, f32 [] each: the rate at this step, and how means that began at 0 are made larger. */
export function updateInputs({ optimiser }: Recipe, rate: number, update: number): Readonly<Record<string, number>> {
  const betas = ruleOf(optimiser).betas(optimiser)
  if (betas === null) return { rate }
  return { rate, correction1: 1 / (1 - betas[0] ** update), correction2: 1 / Math.sqrt(1 - betas[1] ** update) }
}

/**
 * Outputs: `norm`, f32 [], of the mean gradients before they are clipped; and each weight and what is remembered of it, in the place of the one
 * before. The gradients are sums over the recipe's micro-batches.
 */
export function updateGraph(recipe: Recipe): Graph {
  const builder = createBuilder()
  const tape = createTape(builder, NO_ORIGIN)
  const inputs = Object.keys(updateInputs(recipe, 0, 1)).map((name) =>
    builder.make('input', [], { name, dtype: 'f32', shape: [] }, NO_ORIGIN) as Graph['inputs'][number])
  const moved = movedWeights(recipe)
  const gradients = moved.map((weight) => mean(tape, leaf(tape, gradientOutput(weight.name), weight), recipe.accumulate))
  const norm = moved.length === 0 ? tape.filled([], 'f32', 0) : globalNorm(tape, gradients)
  const factor = recipe.clip === null ? null : clipping(tape, norm, recipe.clip)
  const steps = moved.flatMap((weight, at) => stepOf(tape, recipe, weight, clipped(tape, gradients[at], factor), inputs))
  return {
    name: `${recipe.model}.update`, doc: '', dims: [], inputs, docs: {},
    outputs: [{ name: 'norm', node: norm, doc: 'The global norm of the gradients.' }, ...steps],
  }
}

const leaf = (tape: Tape, name: string, { shape }: LearnedWeight): Node =>
  tape.make('weight', [], { name, shape: shape.map((size) => dim(size)), source: { pieces: [], stacked: false }, doc: '' })

const mean = (tape: Tape, sum: Node, count: number): Node => (count === 1 ? sum : tape.times(sum, 1 / count))

/** clip / max(norm, clip): 1 up to the clip. */
function clipping(tape: Tape, norm: Node, clip: number): Node {
  const most = tape.like(norm, clip)
  return tape.divide(most, tape.make('maximum', [norm, most], NONE))
}

const clipped = (tape: Tape, gradient: Node, factor: Node | null): Node =>
  factor === null ? gradient : tape.multiply(gradient, tape.spread(factor, gradient.shape, []))

function stepOf(tape: Tape, { optimiser }: Recipe, learned: LearnedWeight, gradient: Node, [rate, ...corrections]: readonly Node[]): readonly Output[] {
  const rule = ruleOf(optimiser)
  const beside = (scalar: Node): Node => tape.spread(scalar, gradient.shape, [])
  const weight = leaf(tape, learned.name, learned)
  const names = rule.memory(optimiser).map((word) => `${word}.${learned.name}`)
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
