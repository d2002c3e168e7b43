/** Trains on a machine. Nothing here is of Node: files are in `training/files`. */

export { train } from './loop.ts'
export { createDeviceMachine, type DeviceMachine, type MachinePlans } from './device-machine.ts'
export type { Training } from './run.ts'
export * from './events.ts'
export * from './errors.ts'
export type { Answers, BatchInputs, Machine, State, UpdateScalars } from './machine.ts'
export { BEGINNING, type Progress } from './progress.ts'
export { initialise, initialWeight } from './initialise.ts'
export type { Data, Field, RowsData, StreamData } from './data/data.ts'
export { decodeUtf8, textData, type Text } from './data/text.ts'
export { charactersOf, decodeTokens, encodeText, vocabularySize, type Vocabulary } from './data/vocabulary.ts'
export { imageData } from './data/images.ts'
export { arrayData, tokenData } from './data/arrays.ts'
export { parseNpy, type FileArray } from './data/npy.ts'
export { joinData } from './data/join.ts'
export { split, type Split } from './data/split.ts'
export { fingerprint } from './data/fingerprint.ts'
export { chosenLayers, drawSchedule, schedule, type ContestSchedule } from './schedule/contest.ts'
export { rateFactor } from './schedule/rate.ts'
export type { Saved } from './checkpoint/saved.ts'
export { encodeSaved } from './checkpoint/encode.ts'
export { decodeSaved } from './checkpoint/decode.ts'
export { checkSame } from './checkpoint/same.ts'
export { goOn, savedOf } from './checkpoint/of-run.ts'
export { lineOf, parseLines, type MetricsRecord } from './record/metrics.ts'
export { kernelTimes, reportTraining, type TrainingReport } from './record/report.ts'
export type { Recipe } from '../plan/recipe.ts'
/** What generated bindings stand on. */
export {
  startTraining, type Told, type TrainingFacts, type TrainingNames, type TypedAnswers, type TypedEvent, type TypedProbe, type TypedStart, type TypedStep,
  type TypedTraining, type TypedTrainingOptions, type TypedValidation,
} from './typed.ts'
