/** What is given up where a target binds few buffers comes to an end: kernels that fit, or a limit that is told. */
import { describe, expect, it } from 'vitest'
import { compileTraining } from '../../../compiler/train.ts'
import { bindingCount } from '../../../compiler/kernel/fusion/back-off.ts'
import { LimitError } from '../../../compiler/kernel/limit-error.ts'
import { schedule } from '../../../compiler/kernel/schedule.ts'
import { optimise } from '../../../compiler/passes/pipeline.ts'
import { PORTABLE } from '../../../plan/target.ts'
import { load, read, root } from '../../support/sources.ts'

/** A step of training has the widest kernels there are: losses, decisions and gradients at once. */
const step = (() => {
  const source = read(`${root}examples/11-train-a-small-model.smoe`)
  const { graphs } = compileTraining(source, { load, set: { L: 1, F: 8, D: 8, H: 2, E: 4, V: 9 } })
  return optimise(graphs!.step(['layers.0/moe'], false), { variant: 'prefill', block: 4, tile: 4 }).graph
})()

describe('a training step with a competition', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8, 10])(
    'on a target that binds %i buffers',
    (maxStorageBuffers) => {
      const target = { ...PORTABLE, maxStorageBuffers }
      try {
        const { kernels } = schedule(step, target, 'prefill')
        for (const kernel of kernels) expect(bindingCount(kernel, target), kernel.does).toBeLessThanOrEqual(maxStorageBuffers)
        expect(maxStorageBuffers).toBeGreaterThan(2)
      } catch (problem) {
        if (!(problem instanceof LimitError)) throw problem
        expect(problem.message).toContain(`binds ${maxStorageBuffers}`)
        expect(maxStorageBuffers).toBeLessThan(8)
      }
    },
    60_000,
  )
})
