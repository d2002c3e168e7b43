/** Training in files, for Node: examples from them, runs in directories. */

export { readData } from './data.ts'
export { CHECKPOINTS, resume, trainInto, type RunFiles } from './run.ts'
export { checkpointName, listCheckpoints, loadCheckpoint, prepareCheckpoints, saveCheckpoint, type ListedCheckpoint } from './checkpoints.ts'
export { METRICS, createRecorder, readRecords, type Recorder } from './record.ts'
