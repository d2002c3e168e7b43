/** The kernels of a plan: which program runs for how many tokens, and why each kernel is made the way it is. */
import type { Compilation } from '../../compiler/compile.ts'
import { listRefused } from '../../compiler/kernel/fusion/list-refused.ts'
import { dim, symbolsOf } from '../../plan/dim.ts'
import type { Plan, Program } from '../../plan/plan.ts'
import { firstThatHolds } from '../../plan/when.ts'

/** The dims that mean this many tokens: the last symbol of the condition takes them all. */
function dimsFor(plan: Plan, tokens: number): Readonly<Record<string, number>> {
  const size = plan.programs.find(({ when }) => when !== null)?.when?.dim
  const symbols = size === undefined ? plan.dims.map(({ name }) => name) : symbolsOf(dim(size))
  return Object.fromEntries(plan.dims.map(({ name }) => [name, name === symbols.at(-1) ? tokens : 1]))
}

/** Whether a program is the one that runs for this many tokens; every program where none are named. */
export function programsFor(plan: Plan, tokens: number | undefined): readonly Program[] {
  if (tokens === undefined) return plan.programs
  const values = dimsFor(plan, tokens)
  const program = firstThatHolds(plan.programs, values)
  return program === undefined ? [] : [program]
}

export function describeKernels({ programs }: Compilation, plan: Plan, tokens: number | undefined): string {
  const wanted = new Set(programsFor(plan, tokens).map(({ name }) => name))
  return programs
    .filter(({ name }) => wanted.has(name))
    .map(({ kernels }) => `${kernels.trimEnd()}\n`)
    .join('\n')
}

export const kernelsJson = ({ programs }: Compilation, plan: Plan, tokens: number | undefined): unknown =>
  programsFor(plan, tokens).map(({ name, when, steps }) => ({
    program: name,
    when,
    steps: steps.map(({ kernel: id, label, workgroups }, at) => {
      const kernel = plan.kernels.find((one) => one.id === id)
      return {
        label,
        kernel: kernel?.name,
        template: kernel?.template,
        reason: kernel?.reason,
        refused: kernel?.refused,
        notFused: listRefused(programs.find((one) => one.name === name)?.schedule.refused[at] ?? []),
        workgroups,
        places: kernel?.places,
      }
    }),
  }))
