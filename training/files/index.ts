/** Training in files, for Node: examples from them, runs in directories. */

import { callable, checked, checkedAsync, filled, list, nullable, object, optional, options, real, text, whole } from '../../plan/arguments.ts'
import { checkpointName as checkpointNameUnchecked, listCheckpoints as listCheckpointsUnchecked, loadCheckpoint as loadCheckpointUnchecked, prepareCheckpoints as prepareCheckpointsUnchecked, saveCheckpoint as saveCheckpointUnchecked } from './checkpoints.ts'
import { readData as readDataUnchecked } from './data.ts'
import { createRecorder as createRecorderUnchecked, readRecords as readRecordsUnchecked } from './record.ts'
import { resume as resumeUnchecked, trainInto as trainIntoUnchecked } from './run.ts'
import { SAVED, TRAINING } from '../forms.ts'

export { CHECKPOINTS, type RunFiles } from './run.ts'
export type { ListedCheckpoint } from './checkpoints.ts'
export { METRICS, type Recorder } from './record.ts'

/**
 * Reads files of one kind, one after the other, as one. Text is read with a vocabulary, or with that of its own characters. Throws a DataError
 * with the line, and a CheckpointError for a `.safetensors` file that is none.
 */
export const readData = checkedAsync('readData', { paths: list(text), options: optional(object({})) }, readDataUnchecked)

/**
 * A training that goes on from a checkpoint, given by its path or by the directory of its run: checks that it is of the same run and brings the
 * machine to its state. Throws a ResumeError.
 */
export const resume = checkedAsync('resume', { path: filled, training: TRAINING }, resumeUnchecked)

/**
 * Trains into a directory, which a run of its own begins in, or that of the run that goes on; no other may write there meanwhile. Events are told after they are recorded; a
 * checkpoint is on the disk, and the record before it too, when it is told. Throws what `train` throws, a ResumeError or a CheckpointError.
 */
export const trainInto = checked('trainInto', { directory: filled, training: TRAINING, options: options({ keep: real, time: callable }) }, trainIntoUnchecked)

/** checkpointName */
export const checkpointName = checked('checkpointName', { step: whole }, checkpointNameUnchecked)

/** From the oldest to the newest; none where there is no such directory. */
export const listCheckpoints = checkedAsync('listCheckpoints', { directory: filled }, listCheckpointsUnchecked)

/** A checkpoint by its path, or the newest of a directory. Throws a ResumeError that says what is wrong with it. */
export const loadCheckpoint = checkedAsync('loadCheckpoint', { path: filled }, loadCheckpointUnchecked)

/** Makes the directory for a run that goes on from a step: drafts that nobody will finish go, and what was saved after that step. */
export const prepareCheckpoints = checkedAsync('prepareCheckpoints', { directory: filled, from: whole }, prepareCheckpointsUnchecked)

/** Writes a state under its step and then removes all but the newest `keep`. Throws a FileError. */
export const saveCheckpoint = checkedAsync('saveCheckpoint', { directory: filled, saved: SAVED, keep: optional(real) }, saveCheckpointUnchecked)

/** A recorder that goes on from where a run stood, or begins where `from` is null. What was recorded after that is gone. */
export const createRecorder = checkedAsync('createRecorder', { directory: filled, from: nullable(object({ step: whole, looked: real })), time: real }, createRecorderUnchecked)

/** The records of a directory; none where it has none. */
export const readRecords = checkedAsync('readRecords', { directory: filled }, readRecordsUnchecked)
