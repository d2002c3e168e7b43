/** Training, `smoe/training`. It does not use Node: files are in `training/files`. */

import {
  byteArray,
  callable,
  checked,
  checkedAsync,
  list,
  listOfSome,
  nullable,
  object,
  optional,
  options,
  real,
  record,
  text,
  whole,
} from '../plan/arguments.ts'
import { decodeSaved as decodeSavedUnchecked } from './checkpoint/decode.ts'
import { encodeSaved as encodeSavedUnchecked } from './checkpoint/encode.ts'
import { resumeFrom as goOnUnchecked, savedOf as savedOfUnchecked } from './checkpoint/of-run.ts'
import { checkSame as checkSameUnchecked } from './checkpoint/same.ts'
import { arrayData as arrayDataUnchecked, tokenData as tokenDataUnchecked } from './data/arrays.ts'
import { fingerprint as fingerprintUnchecked } from './data/fingerprint.ts'
import { imageData as imageDataUnchecked } from './data/images.ts'
import { joinData as joinDataUnchecked } from './data/join.ts'
import { parseNpy as parseNpyUnchecked } from './data/npy.ts'
import { split as splitUnchecked } from './data/split.ts'
import { decodeUtf8 as decodeUtf8Unchecked, textData as textDataUnchecked } from './data/text.ts'
import {
  charactersOf as charactersOfUnchecked,
  decodeTokens as decodeTokensUnchecked,
  encodeText as encodeTextUnchecked,
  vocabularySize as vocabularySizeUnchecked,
} from './data/vocabulary.ts'
import { createDeviceMachine as createDeviceMachineUnchecked } from './device-machine.ts'
import { initialise as initialiseUnchecked, initialWeight as initialWeightUnchecked } from './initialise.ts'
import { train as trainUnchecked } from './loop.ts'
import { initialProgress as beginningOfUnchecked } from './progress.ts'
import { lineOf as lineOfUnchecked, parseLines as parseLinesUnchecked } from './record/metrics.ts'
import { kernelTimes as kernelTimesUnchecked, reportTraining as reportTrainingUnchecked } from './record/report.ts'
import {
  competingLayers as chosenLayersUnchecked,
  drawSchedule as drawScheduleUnchecked,
  schedule as scheduleUnchecked,
} from './schedule/competition.ts'
import { learningRateFactor as rateFactorUnchecked } from './schedule/learning-rate.ts'
import { startTraining as startTrainingUnchecked } from './typed.ts'
import { RECIPE } from '../plan/forms.ts'
import { CHECKPOINT, DEVICE } from '../runtime/forms.ts'
import { COMPETITIONS, DATA, FILE_ARRAY, MACHINE_PLANS, PROGRESS, SAVED, START, TRAINING, VOCABULARY } from './forms.ts'

export type { DeviceMachine, MachinePlans } from './device-machine.ts'
export type { Training } from './run.ts'
export type { Teacher } from './teacher.ts'
export * from './events.ts'
export * from './errors.ts'
export type { BatchMetrics, BatchInputs, Machine, State, UpdateScalars } from './machine.ts'
export type { Progress } from './progress.ts'
export { INITIAL_LOSS_SCALING, type LossScaling } from './loss-scaling.ts'
export type { Data, Field, RowsData, StreamData } from './data/data.ts'
export type { Text } from './data/text.ts'
export type { Vocabulary } from './data/vocabulary.ts'
export type { FileArray } from './data/npy.ts'
export type { Split } from './data/split.ts'
export type { CompetitionSchedule } from './schedule/competition.ts'
export type { Saved } from './checkpoint/saved.ts'
export type { MetricsRecord } from './record/metrics.ts'
export type { TrainingReport } from './record/report.ts'
export type { Recipe } from '../plan/recipe.ts'
export type {
  Reported,
  TrainingFacts,
  TrainingNames,
  TypedBatchMetrics,
  TypedEvent,
  TypedProbe,
  TypedStart,
  TypedStep,
  TypedTraining,
  TypedTrainingOptions,
  TypedValidation,
} from './typed.ts'

/**
 * Trains. Throws a FitError before the first step if data and model do not fit, a DivergedError if a loss or the gradients are
 * not finite, and whatever the machine throws.
 */
export const train = checked('train', { training: TRAINING }, trainUnchecked)

/** A machine on a device. The first use of a plan throws what `createSession` throws and what the functions in `plans` throw. */
export const createDeviceMachine = checked(
  'createDeviceMachine',
  { device: DEVICE, plans: MACHINE_PLANS, options: options({ onCompile: callable }) },
  createDeviceMachineUnchecked,
)

/** The progress of a new run. */
export const beginningOf = checked('initialProgress', { recipe: RECIPE }, beginningOfUnchecked)

/** The initial values of all weights, by path. */
export const initialise = checked('initialise', { recipe: RECIPE }, initialiseUnchecked)

/** The initial values of one weight. */
export const initialWeight = checked(
  'initialWeight',
  { weight: object({ name: text, shape: list(whole), initialiser: object({ kind: text }), fanIn: real }), seed: whole },
  initialWeightUnchecked,
)

/** Decodes a text file. Throws a DataError with the line that is not UTF-8, and the advice of `help`. */
export const decodeUtf8 = checked('decodeUtf8', { bytes: byteArray, name: text, help: optional(callable) }, decodeUtf8Unchecked)

/** Concatenates texts; the default vocabulary is their characters. Throws a DataError. */
export const textData = checked(
  'textData',
  { texts: listOfSome(object({ name: text, text })), vocabulary: optional(VOCABULARY) },
  textDataUnchecked,
)

/** The vocabulary of all characters of the texts. */
export const charactersOf = checked('charactersOf', { texts: list(text) }, charactersOfUnchecked)

/** The text of tokens; unknown tokens become U+FFFD. */
export const decodeTokens = checked(
  'decodeTokens',
  { tokens: object({ length: whole }), vocabulary: VOCABULARY },
  decodeTokensUnchecked,
)

/**
 * The tokens of a text; `name` is its name in messages. Throws a DataError with the line of a character that the vocabulary
 * lacks.
 */
export const encodeText = checked('encodeText', { text, vocabulary: VOCABULARY, name: text }, encodeTextUnchecked)

/** The number of tokens of a vocabulary. */
export const vocabularySize = checked('vocabularySize', { vocabulary: VOCABULARY }, vocabularySizeUnchecked)

/** Images from a table, one in each row: `pixels` f32, not normalized, and `labels` i32. Throws a DataError with the line. */
export const imageData = checked('imageData', { text, name: text, options: optional(object({})) }, imageDataUnchecked)

/** Arrays of the same leading size, each a field; a single integer array is tokens. Throws a DataError. */
export const arrayData = checked('arrayData', { arrays: record(FILE_ARRAY), name: text }, arrayDataUnchecked)

/** Integer tokens: a stream [N], or rows [N, S + 1]. Throws a DataError. */
export const tokenData = checked('tokenData', { array: FILE_ARRAY, name: text, label: optional(text) }, tokenDataUnchecked)

/** Parses an .npy file. Throws a DataError for other bytes, and for a length that differs from the shape. */
export const parseNpy = checked('parseNpy', { bytes: byteArray, name: text }, parseNpyUnchecked)

/** Concatenates datasets. Throws a DataError if they are incompatible. */
export const joinData = checked('joinData', { datasets: listOfSome(DATA) }, joinDataUnchecked)

/**
 * Splits off a fraction, 0..1, for validation: the end of a stream, so that no window is in both; of rows a random subset, the
 * same for every seed, so that runs can be compared.
 */
export const split = checked('split', { data: DATA, fraction: real }, splitUnchecked)

/** Identifies a dataset by kind, count and checksum, independent of file names. */
export const fingerprint = checked('fingerprint', { data: DATA }, fingerprintUnchecked)

/** (step) -> the competitions that run in it, in layer order. */
export const chosenLayers = checked('competingLayers', { schedule: COMPETITIONS }, chosenLayersUnchecked)

/** The competition schedule of a run, drawn from its seed. Throws a FitError if it has too many steps. */
export const drawSchedule = checked('drawSchedule', { recipe: RECIPE }, drawScheduleUnchecked)

/** A competition schedule. Layers are placed in order: earlier layers use up the limits first. */
export const schedule = checked(
  'schedule',
  { layers: list(object({ layer: text, rate: real, first: whole, atMost: nullable(whole) })), steps: whole, draw: callable },
  scheduleUnchecked,
)

/**
 * Factor on the learning rate at step 0..steps-1. It rises linearly over the first `warmup` steps and is 1 at the last of them,
 * or at step 0 without warmup; it decays to `final` at step steps - 1 and stays there.
 */
export const rateFactor = checked(
  'learningRateFactor',
  { schedule: object({ kind: text, warmup: real }), step: whole, steps: whole },
  rateFactorUnchecked,
)

/** The tensors and the metadata of a saved state, for a safetensors file. */
export const encodeSaved = checked('encodeSaved', { saved: SAVED }, encodeSavedUnchecked)

/** Reads a state from a file written by `encodeSaved`. Throws a ResumeError for any other file, and for a damaged one. */
export const decodeSaved = checkedAsync('decodeSaved', { checkpoint: CHECKPOINT }, decodeSavedUnchecked)

/** Checks that a saved state belongs to the run of a recipe and its data. Throws a ResumeError with the differences. */
export const checkSame = checked(
  'checkSame',
  { file: text, saved: SAVED, recipe: RECIPE, data: object({ training: text }), vocabulary: nullable(VOCABULARY) },
  checkSameUnchecked,
)

/**
 * Resumes a training run from a saved state: checks that it belongs to the same run and writes it to the machine. `name` is that
 * of the state in messages. Throws a ResumeError.
 */
export const goOn = checkedAsync('resumeFrom', { name: text, saved: SAVED, training: TRAINING }, goOnUnchecked)

/** The state to save at a checkpoint event of a run. */
export const savedOf = checkedAsync('savedOf', { training: TRAINING, start: START, progress: PROGRESS }, savedOfUnchecked)

/** A record as a JSON line, with its newline. NaN becomes null. */
export const lineOf = checked('lineOf', { record: object({ kind: text, time: real }) }, lineOfUnchecked)

/** The records up to the first invalid line: the last line of a killed run may be truncated. */
export const parseLines = checked('parseLines', { text }, parseLinesUnchecked)

/** Sums the device times of each kernel. */
export const kernelTimes = checked(
  'kernelTimes',
  { times: list(object({ label: text, template: text, nanoseconds: real })) },
  kernelTimesUnchecked,
)

/** The report of a run from its record, which begins with a start event; `times` are those of the dispatches of one step. */
export const reportTraining = checked(
  'reportTraining',
  { records: list(object({ kind: text })), times: optional(nullable(list(object({ label: text })))) },
  reportTrainingUnchecked,
)

/**
 * Starts a run on a device, with initialised weights or those of a saved state. Throws a TypeError for plans of another model, a
 * FitError if data and model do not fit, a ResumeError for the state of another run, and the errors of the device.
 */
export const startTraining = checkedAsync(
  'startTraining',
  {
    facts: object({ model: text, reported: list(text), trainingOnly: list(text) }),
    device: DEVICE,
    plans: MACHINE_PLANS,
    data: DATA,
    options: optional(object({ saved: optional(SAVED) })),
  },
  startTrainingUnchecked,
)
