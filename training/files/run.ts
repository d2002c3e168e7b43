/** A run in a directory: `checkpoints/`, `metrics.jsonl` and TensorBoard's events. */
import { basename, dirname, join, resolve as absolute } from 'node:path'
import { goOn, savedOf, type GoneOn } from '../checkpoint/of-run.ts'
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
  /** Newest checkpoints that are kept. */
  readonly keep?: number
  /** A clock in seconds since 1970. */
  readonly time?: () => number
}

export interface Resumed extends GoneOn {
  /** The directory of the run that goes on; null for a checkpoint that lies elsewhere. */
  readonly directory: string | null
}

/**
 * A training that goes on from a checkpoint, given by its path or by the directory of its run: checks that it is of the same run and brings the
 * machine to its state. Throws a ResumeError.
 */
export async function resume(path: string, training: Training): Promise<Resumed> {
  const beside = join(path, CHECKPOINTS)
  const { path: file, saved } = await loadCheckpoint((await listCheckpoints(beside)).length > 0 ? beside : path)
  const folder = dirname(absolute(file))
  const directory = basename(folder) === CHECKPOINTS ? dirname(folder) : null
  const spent = directory === null ? 0 : await secondsUntil(directory, saved.progress)
  return { ...(await goOn(file, saved, training)), spent, directory }
}

/** What the record of a directory says of the time a run took to come so far; 0 where it says nothing. */
async function secondsUntil(directory: string, { step, looked }: Progress): Promise<number> {
  const told = recordsUpTo(await readRecords(directory), step, looked).findLast(
    (record) => record.kind === 'step' || record.kind === 'validation',
  )
  return told?.seconds ?? 0
}

async function refuseOther(directory: string, checkpoints: string, training: Training | Resumed): Promise<void> {
  if ('directory' in training && training.directory === absolute(directory)) return
  const newest = (await listCheckpoints(checkpoints)).at(-1)
  if (newest !== undefined)
    throw new ResumeError(directory, `already holds a run, at step ${newest.step}; resume it, or choose another directory`)
}

/**
 * Trains into a directory: that of a new run, or of the run that is resumed. The directory is locked meanwhile. Events are emitted after\n * they are recorded; a
 * checkpoint and the records before it are on disk when its event is emitted. Throws what `train` throws, a ResumeError or a CheckpointError.
 */
export async function* trainInto(
  directory: string,
  training: Training | Resumed,
  { keep, time = () => Date.now() / 1000 }: RunFiles = {},
): AsyncGenerator<TrainingEvent, void> {
  const checkpoints = join(directory, CHECKPOINTS)
  await refuseOther(directory, checkpoints, training)
  let [recorder, start, unlock]: [Recorder | null, StartEvent | null, (() => Promise<void>) | null] = [null, null, null]

  async function save(progress: Progress): Promise<void> {
    await recorder!.sync()
    await saveCheckpoint(checkpoints, await savedOf(training, start!, progress), keep)
  }

  try {
    for await (const event of train(training)) {
      if (event.kind === 'start') {
        start = event
        // nothing of an earlier run is touched before this one is known to begin
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
