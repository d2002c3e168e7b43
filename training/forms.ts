/** Argument schemas of the public functions of training. */
import {
  anything,
  callable,
  list,
  nullable,
  numbers,
  object,
  optional,
  real,
  record,
  text,
  whole,
  type Form,
} from '../plan/arguments.ts'
import { RECIPE } from '../plan/forms.ts'

export const VOCABULARY: Form = (value, path) =>
  object({ kind: text })(value, path) ??
  ((value as { kind: string }).kind === 'bytes' ? null : object({ characters: list(text) })(value, path))
const STREAM = object({ name: text, tokens: numbers, vocabulary: nullable(VOCABULARY) })
const ROWS = object({
  name: text,
  count: whole,
  fields: list(object({ name: text, dtype: text, shape: list(whole) })),
  columns: record(numbers),
})
export const DATA: Form = (value, path) =>
  object({ kind: text })(value, path) ?? ((value as { kind: string }).kind === 'stream' ? STREAM : ROWS)(value, path)
export const FILE_ARRAY = object({ shape: list(whole), data: numbers })
export const MACHINE = object({
  adapter: text,
  step: callable,
  update: callable,
  evaluate: callable,
  read: callable,
  write: callable,
})
export const MACHINE_PLANS = object({
  recipe: RECIPE,
  f16Weights: object({ has: callable }),
  step: callable,
  update: callable,
  f16Copies: callable,
  evaluation: callable,
})
export const PROGRESS = object({ step: whole, position: object({ epoch: whole, offset: whole }), validations: list(anything) })
export const COMPETITIONS = record(list(whole))
export const SAVED = object({
  recipe: RECIPE,
  state: record(FILE_ARRAY),
  progress: PROGRESS,
  competitions: COMPETITIONS,
  data: object({ training: text }),
})
export const TRAINING = object({
  recipe: RECIPE,
  machine: MACHINE,
  training: DATA,
  validation: optional(nullable(DATA)),
  validateEvery: optional(nullable(whole)),
  validateBatches: optional(real),
  saveEvery: optional(nullable(whole)),
  teacher: optional(object({ name: text, fingerprint: text, vocabulary: whole, logits: callable })),
  from: optional(PROGRESS),
  spent: optional(real),
  competitions: optional(COMPETITIONS),
  signal: optional(object({})),
  now: optional(callable),
})
export const START = object({ training: object({ fingerprint: text }), competitions: COMPETITIONS })
