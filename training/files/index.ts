/** Files of training, `smoe/training/files`, for Node: examples from files, runs in directories. */

import {
  callable,
  checked,
  checkedAsync,
  filled,
  list,
  nullable,
  object,
  optional,
  options,
  real,
  text,
  whole,
} from '../../plan/arguments.ts'
import {
  checkpointName as checkpointNameUnchecked,
  listCheckpoints as listCheckpointsUnchecked,
  loadCheckpoint as loadCheckpointUnchecked,
  prepareCheckpoints as prepareCheckpointsUnchecked,
  saveCheckpoint as saveCheckpointUnchecked,
} from './checkpoints.ts'
import { readData as readDataUnchecked } from './data.ts'
import { createRecorder as createRecorderUnchecked, readRecords as readRecordsUnchecked } from './record.ts'
import { resume as resumeUnchecked, trainInto as trainIntoUnchecked } from './run.ts'
import { SAVED, TRAINING } from '../forms.ts'

export { CHECKPOINTS, METRICS } from './names.ts'
export { type RunFiles } from './run.ts'
export type { ListedCheckpoint } from './checkpoints.ts'
export { type Recorder } from './record.ts'

/**
 * Reads files of one kind and concatenates them. The default vocabulary of text is its characters. Throws a DataError
 * with the line, and a CheckpointError for an invalid `.safetensors` file.
 */
export const readData = checkedAsync('readData', { paths: list(text), options: optional(object({})) }, readDataUnchecked)

/**
 * Resumes a training run from a checkpoint, by its path or the directory of its run: checks that it belongs to the same run and
 * writes its state to the machine. Throws a ResumeError.
 */
export const resume = checkedAsync('resume', { path: filled, training: TRAINING }, resumeUnchecked)

/**
 * Trains into a directory: of a new run, or of the run that is resumed. The directory is locked meanwhile. Events are emitted
 * after they are recorded; a checkpoint and the records before it are on disk when its event is emitted. Throws what `train`
 * throws, a ResumeError or a CheckpointError.
 */
export const trainInto = checked(
  'trainInto',
  { directory: filled, training: TRAINING, options: options({ keep: real, time: callable }) },
  trainIntoUnchecked,
)

/** The file name of the checkpoint after a step. */
export const checkpointName = checked('checkpointName', { step: whole }, checkpointNameUnchecked)

/** Checkpoints from the oldest to the newest; empty if the directory does not exist. */
export const listCheckpoints = checkedAsync('listCheckpoints', { directory: filled }, listCheckpointsUnchecked)

/** Reads a checkpoint, or the newest of a directory. Throws a ResumeError with the reason. */
export const loadCheckpoint = checkedAsync('loadCheckpoint', { path: filled }, loadCheckpointUnchecked)

/** Prepares the directory for a run that continues from a step: removes unfinished drafts and checkpoints after that step. */
export const prepareCheckpoints = checkedAsync(
  'prepareCheckpoints',
  { directory: filled, from: whole },
  prepareCheckpointsUnchecked,
)

/** Writes a state under its step number, then removes all but the newest `keep` checkpoints. Throws a FileError. */
export const saveCheckpoint = checkedAsync(
  'saveCheckpoint',
  { directory: filled, saved: SAVED, keep: optional(real) },
  saveCheckpointUnchecked,
)

/** A recorder that continues from `from`, or begins a new record if it is null. Later records are removed. */
export const createRecorder = checkedAsync(
  'createRecorder',
  { directory: filled, from: nullable(object({ step: whole, lastEvaluation: real })), time: real },
  createRecorderUnchecked,
)

/** The records of a directory; empty if it has none. */
export const readRecords = checkedAsync('readRecords', { directory: filled }, readRecordsUnchecked)
