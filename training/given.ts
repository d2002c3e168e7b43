/** Inputs of a step other than examples: the progress of the run and the random seed. */
import { progressInputs } from '../plan/progress-inputs.ts'
import type { Recipe } from '../plan/recipe.ts'
import { RANDOM } from './data/fit.ts'
import type { BatchInputs } from './machine.ts'

/** The seed, and a number that is unique to the micro-batch. */
const randomOf = ({ isRandom, seed, accumulate }: Recipe, step: number, part: number): BatchInputs =>
  isRandom ? { [RANDOM]: { shape: [2], data: Int32Array.of(seed, step * accumulate + part) } } : {}

/** For micro-batch `part` of step `step`, both from 0. */
export const givenInStep = (recipe: Recipe, step: number, part: number): BatchInputs => ({
  ...randomOf(recipe, step, part),
  ...progressInputs(step, recipe.steps),
})

/** For an evaluation after `done` steps: the values of the next step, or of the last step at the end of the run. */
export const givenAfter = (recipe: Recipe, done: number): BatchInputs => givenInStep(recipe, Math.min(done, recipe.steps - 1), 0)
