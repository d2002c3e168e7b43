/** Trains on a machine. Nothing here is of Node: files are in `training/files`. */

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
import { goOn as goOnUnchecked, savedOf as savedOfUnchecked } from './checkpoint/of-run.ts'
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
import { beginningOf as beginningOfUnchecked } from './progress.ts'
import { lineOf as lineOfUnchecked, parseLines as parseLinesUnchecked } from './record/metrics.ts'
import { kernelTimes as kernelTimesUnchecked, reportTraining as reportTrainingUnchecked } from './record/report.ts'
import {
  chosenLayers as chosenLayersUnchecked,
  drawSchedule as drawScheduleUnchecked,
  schedule as scheduleUnchecked,
} from './schedule/contest.ts'
import { rateFactor as rateFactorUnchecked } from './schedule/rate.ts'
import { startTraining as startTrainingUnchecked } from './typed.ts'
import { RECIPE } from '../plan/forms.ts'
import { CHECKPOINT, DEVICE } from '../runtime/forms.ts'
import { DATA, FILE_ARRAY, MACHINE_PLANS, PROGRESS, SAVED, SCHEDULE, START, TRAINING, VOCABULARY } from './forms.ts'

export type { DeviceMachine, MachinePlans } from './device-machine.ts'
export type { Training } from './run.ts'
export * from './events.ts'
export * from './errors.ts'
export type { Answers, BatchInputs, Machine, State, UpdateScalars } from './machine.ts'
export type { Progress } from './progress.ts'
export { FIRST_SCALING, type Scaling } from './scaling.ts'
export type { Data, Field, RowsData, StreamData } from './data/data.ts'
export type { Text } from './data/text.ts'
export type { Vocabulary } from './data/vocabulary.ts'
export type { FileArray } from './data/npy.ts'
export type { Split } from './data/split.ts'
export type { ContestSchedule } from './schedule/contest.ts'
export type { Saved } from './checkpoint/saved.ts'
export type { MetricsRecord } from './record/metrics.ts'
export type { TrainingReport } from './record/report.ts'
export type { Recipe } from '../plan/recipe.ts'
export type {
  Told,
  TrainingFacts,
  TrainingNames,
  TypedAnswers,
  TypedEvent,
  TypedProbe,
  TypedStart,
  TypedStep,
  TypedTraining,
  TypedTrainingOptions,
  TypedValidation,
} from './typed.ts'

/**
 * Trains. Throws a FitError before the first step if data and model do not fit, a DivergedError if a loss is not finite, and
 * whatever the machine throws.
 */
export const train = checked('train', { training: TRAINING }, trainUnchecked)

/** The first use of a plan throws what `createSession` throws and what the functions in `plans` throw. */
export const createDeviceMachine = checked(
  'createDeviceMachine',
  { device: DEVICE, plans: MACHINE_PLANS, options: options({ onCompile: callable }) },
  createDeviceMachineUnchecked,
)

/** The progress and random seed of a new run. */
export const beginningOf = checked('beginningOf', { recipe: RECIPE }, beginningOfUnchecked)

/** All weights of a run, by their paths. */
export const initialise = checked('initialise', { recipe: RECIPE }, initialiseUnchecked)

/** One weight as its initialiser has it. */
export const initialWeight = checked(
  'initialWeight',
  { weight: object({ name: text, shape: list(whole), initialiser: object({ kind: text }), fanIn: real }), seed: whole },
  initialWeightUnchecked,
)

/** Bytes of a file as text. Throws a DataError with the line that is not UTF-8 and the advice of `help`. */
export const decodeUtf8 = checked('decodeUtf8', { bytes: byteArray, name: text, help: optional(callable) }, decodeUtf8Unchecked)

/** Concatenates texts; the default vocabulary is their characters. Throws a DataError. */
export const textData = checked(
  'textData',
  { texts: listOfSome(object({ name: text, text })), vocabulary: optional(VOCABULARY) },
  textDataUnchecked,
)

/** Every character of the texts. */
export const charactersOf = checked('charactersOf', { texts: list(text) }, charactersOfUnchecked)

/** The text of tokens; what no token stands for becomes U+FFFD. */
export const decodeTokens = checked(
  'decodeTokens',
  { tokens: object({ length: whole }), vocabulary: VOCABULARY },
  decodeTokensUnchecked,
)

/** Tokens of a text; `name` is what messages call it. Throws a DataError with the line of a character that the vocabulary lacks. */
export const encodeText = checked('encodeText', { text, vocabulary: VOCABULARY, name: text }, encodeTextUnchecked)

/** The number of tokens of a vocabulary. */
export const vocabularySize = checked('vocabularySize', { vocabulary: VOCABULARY }, vocabularySizeUnchecked)

/** A row an image: `pixels` f32 as they stand in the file, and `labels` i32. Throws a DataError with the line. */
export const imageData = checked('imageData', { text, name: text, options: optional(object({})) }, imageDataUnchecked)

/** Named arrays of one leading size, each a field; one array of whole numbers alone is tokens. Throws a DataError. */
export const arrayData = checked('arrayData', { arrays: record(FILE_ARRAY), name: text }, arrayDataUnchecked)

/** Whole numbers: [N] one after the other, [N, S + 1] in rows. Throws a DataError. */
export const tokenData = checked('tokenData', { array: FILE_ARRAY, name: text, label: optional(text) }, tokenDataUnchecked)

/** Throws a DataError for bytes that are no such file, or fewer or more than its shape says. */
export const parseNpy = checked('parseNpy', { bytes: byteArray, name: text }, parseNpyUnchecked)

/** Several files as one, in their order. Throws a DataError where they are not alike. */
export const joinData = checked('joinData', { parts: listOfSome(DATA) }, joinDataUnchecked)

/**
 * Sets a fraction, 0..1, aside: the end of a stream, so that no window lies in both; rows by chance, the same ones for every seed, so that
 * runs compare.
 */
export const split = checked('split', { data: DATA, fraction: real }, splitUnchecked)

/** Identifies a set of examples by kind, count and checksum, independent of file names. */
export const fingerprint = checked('fingerprint', { data: DATA }, fingerprintUnchecked)

/** (step) -> the layers that compete in it, in the order of the run. */
export const chosenLayers = checked('chosenLayers', { schedule: SCHEDULE }, chosenLayersUnchecked)

/** The schedule of a run, drawn from its seed. Throws a FitError where it has more steps than can be drawn for. */
export const drawSchedule = checked('drawSchedule', { recipe: RECIPE }, drawScheduleUnchecked)

/** Layers take their turns in order: an earlier one leaves less room to the later. */
export const schedule = checked(
  'schedule',
  { contestants: list(object({ layer: text, rate: real, first: whole, atMost: nullable(whole) })), steps: whole, draw: callable },
  scheduleUnchecked,
)

/**
 * Factor on the rate at step 0..steps-1: rises linearly over the first `warmup` steps and is 1 at the last of them, or at step 0 without;
 * `final` is reached at step steps - 1 and kept.
 */
export const rateFactor = checked(
  'rateFactor',
  { schedule: object({ kind: text, warmup: real }), step: whole, steps: whole },
  rateFactorUnchecked,
)

/** encodeSaved */
export const encodeSaved = checked('encodeSaved', { saved: SAVED }, encodeSavedUnchecked)

/** A state from a file that `encodeSaved` was written to. Throws a ResumeError for any other, or one that is damaged. */
export const decodeSaved = checkedAsync('decodeSaved', { checkpoint: CHECKPOINT }, decodeSavedUnchecked)

/** Throws a ResumeError that names what differs. */
export const checkSame = checked(
  'checkSame',
  { file: text, saved: SAVED, recipe: RECIPE, data: object({ training: text }), vocabulary: nullable(VOCABULARY) },
  checkSameUnchecked,
)

/**
 * A training that goes on from a saved state: checks that it is of the same run and brings the machine to its state. `name` is that of the
 * state in messages. Throws a ResumeError.
 */
export const goOn = checkedAsync('goOn', { name: text, saved: SAVED, training: TRAINING }, goOnUnchecked)

/** The state to save for a checkpoint event of a run. */
export const savedOf = checkedAsync('savedOf', { training: TRAINING, start: START, progress: PROGRESS }, savedOfUnchecked)

/** A record as a line with its newline. NaN becomes null, as in JSON. */
export const lineOf = checked('lineOf', { record: object({ kind: text, time: real }) }, lineOfUnchecked)

/** The records up to the first incomplete line: the last line of a killed run may be truncated. */
export const parseLines = checked('parseLines', { text }, parseLinesUnchecked)

/** One entry a kernel, however often it was dispatched. */
export const kernelTimes = checked(
  'kernelTimes',
  { times: list(object({ label: text, template: text, nanoseconds: real })) },
  kernelTimesUnchecked,
)

/** The report of a record, which begins with a start; `times` are those of the dispatches of one step. */
export const reportTraining = checked(
  'reportTraining',
  { records: list(object({ kind: text })), times: optional(nullable(list(object({ label: text })))) },
  reportTrainingUnchecked,
)

/**
 * A run on a device, its weights initialised or those of a saved state. Throws a TypeError for the plans of another model, a FitError where
 * data and model do not fit, a ResumeError for the state of another run, and what the device refuses.
 */
export const startTraining = checkedAsync(
  'startTraining',
  {
    facts: object({ model: text, told: list(text), apart: list(text) }),
    device: DEVICE,
    plans: MACHINE_PLANS,
    data: DATA,
    options: optional(object({ saved: optional(SAVED) })),
  },
  startTrainingUnchecked,
)
