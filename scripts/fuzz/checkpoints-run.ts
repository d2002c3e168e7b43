/** `npm run fuzz -- checkpoints`: the loop over mutants, and what it prints. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { duration, estimate } from '../../cli/progress.ts'
import { INDEX } from '../../runtime/checkpoint/shards.ts'
import { checkpointMutant, type CheckpointMutant } from './checkpoint-mutants.ts'
import { examineCheckpoint, type CheckpointOutcome } from './checkpoints.ts'
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

type Report = (mutant: CheckpointMutant, outcome: CheckpointOutcome) => void

/** Examines the mutants of a seed one after the other. */
export async function examineCheckpoints(
  { count, seed, only }: Pick<FuzzOptions, 'count' | 'seed' | 'only'>,
  report: Report = () => {},
): Promise<CheckpointSummary> {
  const parent = await mkdtemp(join(tmpdir(), 'smoe-fuzz-'))
  const failures: string[] = []
  let [accepted, folders, slowest, settled] = [0, 0, 0, 0]
  try {
    const [first, end] = only === null ? [0, count] : [only, only + 1]
    for (let index = first; index < end; index++) {
      const mutant = checkpointMutant(seed, index)
      const outcome = await examineCheckpoint(mutant, parent)
      if (outcome.isAccepted) accepted++
      if (Object.hasOwn(mutant.files, INDEX)) folders++
      slowest = Math.max(slowest, outcome.time)
      if (outcome.failure !== null) failures.push(`--only ${index} (${mutant.edits.join('; ')}): ${outcome.failure}`)
      if (index - first === Math.floor((end - first) / 10)) settled = process.memoryUsage().rss
      report(mutant, outcome)
    }
  } finally {
    await rm(parent, { recursive: true, force: true })
  }
  const grown = process.memoryUsage().rss - settled
  if (grown > MOST_GROWN) failures.push(`memory grew by ${(grown / 2 ** 20).toFixed(0)} MiB`)
  return { accepted, folders, slowest, failures, grown }
}

const say = (text: string): void => void process.stdout.write(`${text}\n`)

/** Failures that are printed. */
const MOST_SHOWN = 20

export async function fuzzCheckpoints(options: FuzzOptions): Promise<number> {
  const { count, seed, only } = options
  say(`checkpoints: ${only === null ? `${count} mutants` : `mutant ${only}`}, seed ${seed}`)
  if (only !== null)
    for (const [name, bytes] of Object.entries(checkpointMutant(seed, only).files))
      say(`--- ${name}\n${JSON.stringify(Buffer.from(bytes).toString('latin1'))}`)
  const start = performance.now()
  let [shown, done] = [start, 0]
  const { accepted, folders, slowest, failures, grown } = await examineCheckpoints(options, () => {
    done++
    if (performance.now() - shown <= 10_000) return
    shown = performance.now()
    process.stderr.write(`${done} of ${count}, ${estimate(performance.now() - start, done, count)}\n`)
  })
  say(
    `${done - folders} files and ${folders} folders with an index, ${accepted} accepted; slowest ${slowest.toFixed(0)} ms of processor time, memory ${(grown / 2 ** 20).toFixed(1)} MiB up`,
  )
  for (const failure of failures.slice(0, MOST_SHOWN)) say(failure)
  say(`${failures.length} failures in ${duration(performance.now() - start)}`)
  return failures.length
}
