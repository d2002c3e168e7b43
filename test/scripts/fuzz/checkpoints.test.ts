/** A share of `npm run fuzz -- checkpoints`, with a seed of its own each time. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { encodeSafetensors } from '../../../runtime/checkpoint/encode.ts'
import { checkpointMutant } from '../../../scripts/fuzz/checkpoint-mutants.ts'
import { examineCheckpoint } from '../../../scripts/fuzz/checkpoints.ts'
import { examineCheckpoints } from '../../../scripts/fuzz/checkpoints-run.ts'
import { fuzzRuns, fuzzSeed } from '../../support/property.ts'

const count = fuzzRuns(600)

test('a mutant is a function of the seed and its index', () => {
  for (const index of [0, 17, 49]) expect(checkpointMutant(5, index)).toEqual(checkpointMutant(5, index))
  expect(checkpointMutant(5, 0)).not.toEqual(checkpointMutant(6, 0))
})

test(
  'mutants are read whole or refused in few words, and leave nothing open',
  async () => {
    const seed = fuzzSeed()
    const { accepted, folders, failures } = await examineCheckpoints({ count, seed, only: null })
    // the processor time of a crowded machine says nothing here
    expect(
      failures.filter((failure) => !/processor time/.test(failure)),
      `npm run fuzz -- checkpoints --seed ${seed} --count ${count}`,
    ).toEqual([])
    expect(accepted).toBeGreaterThan(count / 100)
    expect(folders).toBe(Math.floor(count / 50))
  },
  60_000 + count * 100,
)

test('a valid file is read', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'smoe-fuzz-'))
  onTestFinished(() => rm(parent, { recursive: true }))
  const files = { 'model.safetensors': encodeSafetensors({ a: { shape: [1], data: Float32Array.of(1) } }) }
  expect(await examineCheckpoint({ index: 0, edits: [], files }, parent)).toMatchObject({ isAccepted: true, failure: null })
})
