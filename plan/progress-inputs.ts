/** Inputs of training plans that carry the step and the progress of the run. No input of a model can have these names. */
import { progressAt, type ProgressVariable } from './formula.ts'

/** Both are f32 []. */
export const PROGRESS_INPUTS: Readonly<Record<ProgressVariable, string>> = {
  step: 'training.step',
  progress: 'training.progress',
}

const NAMES: ReadonlySet<string> = new Set(Object.values(PROGRESS_INPUTS))

export const isProgressInput = (name: string): boolean => NAMES.has(name)

interface Scalar {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/** Their values in step `step`, counted from 0, of a run of `steps`. */
export function progressInputs(step: number, steps: number): Readonly<Record<string, Scalar>> {
  const moment = progressAt(step, steps)
  const feed = (value: number) => ({ shape: [], data: Float32Array.of(value) })
  return { [PROGRESS_INPUTS.step]: feed(moment.step), [PROGRESS_INPUTS.progress]: feed(moment.progress) }
}
