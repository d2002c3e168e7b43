/** Inputs of training plans that carry the step and the progress of the run. No input of a model can have these names. */
import { momentAt, type MomentName } from './formula.ts'

/** Both are f32 []. */
export const MOMENT_INPUTS: Readonly<Record<MomentName, string>> = { step: 'training.step', progress: 'training.progress' }

const NAMES: ReadonlySet<string> = new Set(Object.values(MOMENT_INPUTS))

export const isMomentInput = (name: string): boolean => NAMES.has(name)

interface Scalar {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/** Their values in step `step`, counted from 0, of a run of `steps`. */
export function momentInputs(step: number, steps: number): Readonly<Record<string, Scalar>> {
  const moment = momentAt(step, steps)
  const feed = (value: number) => ({ shape: [], data: Float32Array.of(value) })
  return { [MOMENT_INPUTS.step]: feed(moment.step), [MOMENT_INPUTS.progress]: feed(moment.progress) }
}
