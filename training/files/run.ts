/** A run in a directory: `checkpoints/`, `metrics.jsonl` and a TensorBoard event file. */
import { basename, dirname, join, resolve as absolute } from 'node:path'
import { resumeFrom, savedOf, type ResumedTraining } from '../checkpoint/of-run.ts'
import { ResumeError } from '../errors.ts'
import type { StartEvent, TrainingEvent } from '../events.ts'
import { train } from '../loop.ts'
import type { Progress } from '../progress.ts'
import type { Saved } from '../checkpoint/saved.ts'
import type { Training } from '../run.ts'
import { listCheckpoints, loadCheckpoint, prepareCheckpoints, saveCheckpoint } from './checkpoints.ts'
import { recordsUpTo } from '../record/metrics.ts'
import { lockDirectory } from './lock.ts'
import { CHECKPOINTS, METRICS } from './names.ts'
import { createRecorder, eventFiles, readRecords, type Recorder } from './record.ts'

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

/** A run that is to be resumed: its state as read from a checkpoint. */
export interface SavedRun {
  readonly file: string
  readonly saved: Saved
  /** The directory of the run; null for a checkpoint elsewhere. */
  readonly directory: string | null
}

/** Reads the state of a run, by the path of a checkpoint or the directory of the run. Throws a ResumeError. */
export async function readRun(path: string): Promise<SavedRun> {
  const beside = join(path, CHECKPOINTS)
  const { path: file, saved } = await loadCheckpoint((await listCheckpoints(beside)).length > 0 ? beside : path)
  const folder = dirname(absolute(file))
  return { file, saved, directory: basename(folder) === CHECKPOINTS ? dirname(folder) : null }
}

/** Checks that a state belongs to the same run and writes it to the machine. Throws a ResumeError. */
export async function resumeRun({ file, saved, directory }: SavedRun, training: Training): Promise<Resumed> {
  const spent = directory === null ? 0 : await secondsUntil(directory, saved.progress)
  return { ...(await resumeFrom(file, saved, training)), spent, directory }
}

/** Resumes a training run from a checkpoint, by its path or the directory of its run. Throws a ResumeError. */
export const resume = async (path: string, training: Training): Promise<Resumed> => resumeRun(await readRun(path), training)

/** Seconds that a run took so far, from its record; 0 if there is none. */
async function secondsUntil(directory: string, { step, lastEvaluation }: Progress): Promise<number> {
  const record = recordsUpTo(await readRecords(directory), step, lastEvaluation).findLast(
    (one) => one.kind === 'step' || one.kind === 'validation',
  )
  return record?.seconds ?? 0
}

/** Throws a ResumeError if a directory has a run other than the one in `resumed`, a directory. */
export async function refuseOtherRun(directory: string, resumed: string | null): Promise<void> {
  if (resumed !== null && resumed === absolute(directory)) return
  const newest = (await listCheckpoints(join(directory, CHECKPOINTS))).at(-1)
  if (newest !== undefined)
    throw new ResumeError(directory, `already has a run, at step ${newest.step}; resume it, or choose another directory`)
}

/** The paths that a run in a directory replaces or removes, whether they exist or not. */
export async function filesOfRun(directory: string): Promise<readonly string[]> {
  const checkpoints = await listCheckpoints(join(directory, CHECKPOINTS))
  return [join(directory, METRICS), ...(await eventFiles(directory)), ...checkpoints.map(({ path }) => path)]
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
  await refuseOtherRun(directory, 'directory' in training ? training.directory : null)
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
