/** A share of `npm run fuzz -- tokenizers`, with a seed of its own each time. */
import { expect, test } from 'vitest'
import { tokenizerMutant } from '../../../scripts/fuzz/tokenizer-mutants.ts'
import { examineTokenizers } from '../../../scripts/fuzz/tokenizers-run.ts'
import { fuzzRuns, fuzzSeed } from '../../support/property.ts'

const count = fuzzRuns(40)

test('a mutant is a function of the seed and its index', () => {
  for (const index of [0, 17, 49]) expect(tokenizerMutant(5, index)).toEqual(tokenizerMutant(5, index))
  expect(tokenizerMutant(5, 0)).not.toEqual(tokenizerMutant(6, 0))
})

test(
  'mutants give ids or are refused in few words, and none hangs',
  async () => {
    const seed = fuzzSeed()
    const { failures, kinds } = await examineTokenizers({ count, seed, only: null })
    expect(failures, `npm run fuzz -- tokenizers --seed ${seed} --count ${count}`).toEqual([])
    expect(Object.values(kinds).reduce((sum, number) => sum + number, 0)).toBe(count)
  },
  60_000 + count * 10_000,
)
