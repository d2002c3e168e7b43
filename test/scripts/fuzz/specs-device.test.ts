/** Accepted mutants on an adapter beside the reference: a share of `npm run fuzz -- specs --runs N`. */
import { expect, test } from 'vitest'
import { corpus } from '../../../scripts/fuzz/corpus.ts'
import { distance, runOnDevice } from '../../../scripts/fuzz/specs-device.ts'
import { createFuzzer } from '../../../scripts/fuzz/specs.ts'
import { softwareDevices } from '../../support/devices.ts'
import { inRun, MORE_IN_LONG, ON_DEVICES } from '../../support/runs.ts'
import { fuzzRuns, fuzzSeed, fuzzTimeout } from '../../support/property.ts'

const RUNS = fuzzRuns(inRun({ short: 3, long: 8, whole: 8 }))

test('a distance is relative to the size of the expected values', () => {
  expect(distance([1, 2, 2], [1, 2, 2])).toBe(0)
  expect(distance([1, 2, 4], [1, 2, 2])).toBeCloseTo(2 / Math.sqrt(3))
  expect(distance([1, NaN], [1, 2])).toBeNull()
  expect(distance([1, NaN], [1, Infinity])).toBe(0)
})

// on the first adapter alone: others compile each mutant for seconds
test.each((await softwareDevices()).slice(0, 1))(
  'accepted mutants compute on %s what the reference does',
  { tags: [...ON_DEVICES.tags, ...MORE_IN_LONG.tags], timeout: fuzzTimeout(240_000) },
  async (adapter) => {
    const seed = fuzzSeed()
    const fuzzer = createFuzzer(seed, corpus())
    const indices: number[] = []
    for (let index = 0; indices.length < RUNS && index < 100 * RUNS; index++) {
      if (fuzzer.examine(fuzzer.mutant(index)).compiled === true) indices.push(index)
    }
    expect(indices.length).toBe(RUNS)
    const said: string[] = []
    const failed = await runOnDevice(fuzzer, indices, adapter, (text) => said.push(text))
    expect(failed, `npm run fuzz -- specs --seed ${seed}: ${said.join('; ')}`).toBe(0)
  },
)
