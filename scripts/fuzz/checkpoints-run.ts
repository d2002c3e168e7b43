/** `npm run fuzz -- checkpoints`: what becomes of mutated checkpoints, and what is printed of it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { duration } from '../../cli/progress.ts'
import { INDEX } from '../../runtime/checkpoint/shards.ts'
import { checkpointMutant, ggufMutant, type CheckpointMutant } from './checkpoint-mutants.ts'
import { examineCheckpoint } from './checkpoints.ts'
import { indicesOf, say, workThrough } from './loop.ts'
import type { FuzzOptions } from './options.ts'

export interface CheckpointSummary {
  readonly accepted: number
  /** Mutants that are folders with an index. */
  readonly folders: number
  /** Of processor time, milliseconds. */
  readonly slowest: number
  readonly failures: readonly string[]
  /** Resident bytes at the end beyond those after the first tenth. */
  readonly grown: number
}

/** More than this beyond the first tenth of a run is a leak: it is what the collector may leave for later. */
const MOST_GROWN = 128 * 2 ** 20

type MutantOf = (seed: number, index: number) => CheckpointMutant

/** Examines the mutants of a seed one after the other. */
export async function examineCheckpoints(
  options: Pick<FuzzOptions, 'count' | 'seed' | 'only'>,
  mutantOf: MutantOf = checkpointMutant,
): Promise<CheckpointSummary> {
  const parent = await mkdtemp(join(tmpdir(), 'smoe-fuzz-'))
  const failures: string[] = []
  let [accepted, folders, slowest, settled] = [0, 0, 0, 0]
  try {
    const indices = indicesOf(options)
    await workThrough(indices, async (index) => {
      const mutant = mutantOf(options.seed, index)
      const outcome = await examineCheckpoint(mutant, parent)
      if (outcome.isAccepted) accepted++
      if (Object.hasOwn(mutant.files, INDEX)) folders++
      slowest = Math.max(slowest, outcome.time)
      if (outcome.failure !== null) failures.push(`--only ${index} (${mutant.edits.join('; ')}): ${outcome.failure}`)
      if (index === indices[Math.floor(indices.length / 10)]) settled = process.memoryUsage().rss
    })
  } finally {
    await rm(parent, { recursive: true, force: true })
  }
  const grown = process.memoryUsage().rss - settled
  if (grown > MOST_GROWN) failures.push(`memory grew by ${(grown / 2 ** 20).toFixed(0)} MiB`)
  return { accepted, folders, slowest, failures, grown }
}

/** Failures that are printed. */
const MOST_SHOWN = 20

async function fuzz(what: string, mutantOf: MutantOf, options: FuzzOptions): Promise<number> {
  const { count, seed, only } = options
  say(`${what}: ${only === null ? `${count} mutants` : `mutant ${only}`}, seed ${seed}`)
  if (only !== null)
    for (const [name, bytes] of Object.entries(mutantOf(seed, only).files))
      say(`--- ${name}\n${JSON.stringify(Buffer.from(bytes).toString('latin1'))}`)
  const start = performance.now()
  const { accepted, folders, slowest, failures, grown } = await examineCheckpoints(options, mutantOf)
  say(
    `${indicesOf(options).length - folders} files and ${folders} folders with an index, ${accepted} accepted; slowest ${slowest.toFixed(0)} ms of processor time, memory ${(grown / 2 ** 20).toFixed(1)} MiB up`,
  )
  for (const failure of failures.slice(0, MOST_SHOWN)) say(failure)
  say(`${failures.length} failures in ${duration(performance.now() - start)}`)
  return failures.length
}

export const fuzzCheckpoints = (options: FuzzOptions): Promise<number> => fuzz('checkpoints', checkpointMutant, options)

export const fuzzGguf = (options: FuzzOptions): Promise<number> => fuzz('GGUF files', ggufMutant, options)
