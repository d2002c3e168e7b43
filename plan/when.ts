/** Which program of a plan runs. */
import { evaluate, type DimValues } from './dim.ts'
import type { Program } from './plan.ts'

/** The first whose condition holds. */
export const firstThatHolds = <P extends Pick<Program, 'when'>>(programs: readonly P[], values: DimValues): P | undefined =>
  programs.find(({ when }) => when === null || evaluate(when.dim, values) <= when.atMost)
