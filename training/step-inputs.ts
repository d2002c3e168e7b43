/** Inputs of a step other than examples: the progress of the run and the random seed. */
import { progressInputs } from '../plan/progress-inputs.ts'
import type { Recipe } from '../plan/recipe.ts'
import { RANDOM } from './data/fit.ts'
import type { BatchInputs } from './machine.ts'

/** The seed, and a counter that is unique to the micro-batch. */
const randomInput = ({ isRandom, seed, accumulate }: Recipe, step: number, microBatch: number): BatchInputs =>
  isRandom ? { [RANDOM]: { shape: [2], data: Int32Array.of(seed, step * accumulate + microBatch) } } : {}

/** For micro-batch `microBatch` of step `step`, both from 0. */
export const stepInputs = (recipe: Recipe, step: number, microBatch: number): BatchInputs => ({
  ...randomInput(recipe, step, microBatch),
  ...progressInputs(step, recipe.steps),
})

/** For an evaluation after `done` steps: the inputs of the next step, or of the last step at the end of the run. */
export const evaluationInputs = (recipe: Recipe, done: number): BatchInputs =>
  stepInputs(recipe, Math.min(done, recipe.steps - 1), 0)
