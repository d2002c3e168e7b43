/** A run in a directory: `checkpoints/`, `metrics.jsonl` and a TensorBoard event file. */
import { basename, dirname, join, resolve as absolute } from 'node:path'
import { resumeFrom, savedOf, type ResumedTraining } from '../checkpoint/of-run.ts'
import { ResumeError } from '../errors.ts'
import type { StartEvent, TrainingEvent } from '../events.ts'
import { train } from '../loop.ts'
import type { Progress } from '../progress.ts'
import type { Training } from '../run.ts'
import { listCheckpoints, loadCheckpoint, prepareCheckpoints, saveCheckpoint } from './checkpoints.ts'
import { recordsUpTo } from '../record/metrics.ts'
import { lockDirectory } from './lock.ts'
import { createRecorder, readRecords, type Recorder } from './record.ts'

export const CHECKPOINTS = 'checkpoints'

export interface RunFiles {
  /** The number of checkpoints to keep; by default all. */
  readonly keep?: number
  /** A clock in seconds since 1970. */
  readonly time?: () => number
}

export interface Resumed extends ResumedTraining {
  /** The directory of the resumed run; null for a checkpoint elsewhere. */
  readonly directory: string | null
}

/**
 * Resumes a training run from a checkpoint, by its path or the directory of its run: checks that it belongs to the same run and
 * writes its state to the machine. Throws a ResumeError.
 */
export async function resume(path: string, training: Training): Promise<Resumed> {
  const beside = join(path, CHECKPOINTS)
  const { path: file, saved } = await loadCheckpoint((await listCheckpoints(beside)).length > 0 ? beside : path)
  const folder = dirname(absolute(file))
  const directory = basename(folder) === CHECKPOINTS ? dirname(folder) : null
  const spent = directory === null ? 0 : await secondsUntil(directory, saved.progress)
  return { ...(await resumeFrom(file, saved, training)), spent, directory }
}

/** Seconds that a run took so far, from its record; 0 if there is none. */
async function secondsUntil(directory: string, { step, lastEvaluation }: Progress): Promise<number> {
  const record = recordsUpTo(await readRecords(directory), step, lastEvaluation).findLast(
    (one) => one.kind === 'step' || one.kind === 'validation',
  )
  return record?.seconds ?? 0
}

async function refuseOtherRun(directory: string, checkpoints: string, training: Training | Resumed): Promise<void> {
  if ('directory' in training && training.directory === absolute(directory)) return
  const newest = (await listCheckpoints(checkpoints)).at(-1)
  if (newest !== undefined)
    throw new ResumeError(directory, `already has a run, at step ${newest.step}; resume it, or choose another directory`)
}

/**
 * Trains into a directory: of a new run, or of the run that is resumed. The directory is locked meanwhile. Events are emitted
 * after they are recorded; a checkpoint and the records before it are on disk when its event is emitted. Throws what `train`
 * throws, a ResumeError or a CheckpointError.
 */
export async function* trainInto(
  directory: string,
  training: Training | Resumed,
  { keep, time = () => Date.now() / 1000 }: RunFiles = {},
): AsyncGenerator<TrainingEvent, void> {
  const checkpoints = join(directory, CHECKPOINTS)
  await refuseOtherRun(directory, checkpoints, training)
  let [recorder, start, unlock]: [Recorder | null, StartEvent | null, (() => Promise<void>) | null] = [null, null, null]

  async function save(progress: Progress): Promise<void> {
    await recorder!.sync()
    await saveCheckpoint(checkpoints, await savedOf(training, start!, progress), keep)
  }

  try {
    for await (const event of train(training)) {
      if (event.kind === 'start') {
        start = event
        // an earlier run is not touched before this one has started
        unlock = await lockDirectory(directory)
        await prepareCheckpoints(checkpoints, event.done)
        recorder = await createRecorder(directory, training.from ?? null, time())
      }
      if (event.kind === 'checkpoint') await save(event.progress)
      else await recorder!.add(event, time())
      yield event
    }
  } finally {
    await recorder?.close()
    await unlock?.()
  }
}
