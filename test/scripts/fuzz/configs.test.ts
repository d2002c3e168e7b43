/** A share of `npm run fuzz -- configs`, with a seed of its own each time. */
import { expect, test } from 'vitest'
import { configMutant } from '../../../scripts/fuzz/config-mutants.ts'
import { examineConfigs } from '../../../scripts/fuzz/configs-run.ts'
import { fuzzRuns, fuzzSeed } from '../../support/property.ts'

const count = fuzzRuns(20)

test('a mutant is a function of the seed and its index', () => {
  for (const index of [0, 17, 49]) expect(configMutant(5, index)).toEqual(configMutant(5, index))
  expect(configMutant(5, 0)).not.toEqual(configMutant(6, 0))
})

test(
  'mutants become specs without mistakes or are refused in few words',
  async () => {
    const seed = fuzzSeed()
    const { failures, kinds } = await examineConfigs({ count, seed, only: null })
    // the processor time of a crowded machine says nothing here
    expect(
      failures.filter((failure) => !/processor time/.test(failure)),
      `npm run fuzz -- configs --seed ${seed} --count ${count}`,
    ).toEqual([])
    expect(Object.values(kinds).reduce((sum, number) => sum + number, 0)).toBe(count)
  },
  60_000 + count * 1000,
)
