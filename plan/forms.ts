/** Argument forms that the public functions of several rooms share. */
import { anything, callable, list, nullable, object, optional, record, text, whole } from './arguments.ts'

export const TARGET = object({
  name: text,
  kind: text,
  features: list(text),
  maxInvocationsPerWorkgroup: whole,
  maxWorkgroupStorageBytes: whole,
  maxBindingBytes: whole,
  maxBufferBytes: whole,
})
export const SPEC = object({ path: text, text })
export const CHECKING = { load: optional(callable), model: optional(text), set: optional(record(anything)) }
export const PORTS = list(object({ name: text, dtype: text, shape: list(text) }))
/** The part of a plan that is read before the whole plan is checked. */
export const PLAN = object({
  model: text,
  doc: text,
  dims: list(object({ name: text, doc: text })),
  inputs: PORTS,
  outputs: PORTS,
  constants: list(object({})),
  weights: list(object({ name: text, shape: list(text), pieces: list(object({ tensor: text })) })),
  buffers: list(object({ role: text, elements: text })),
  programs: list(object({ slots: list(object({ bytes: list(text) })), placement: list(object({})) })),
})
export const RECIPE = object({
  model: text,
  weights: list(object({ name: text, shape: list(whole), initialiser: object({ kind: text }) })),
  optimiser: object({ kind: text }),
  schedule: object({ kind: text }),
  accumulate: whole,
  steps: whole,
  seed: whole,
  inputs: list(object({ name: text, dtype: text, shape: list(whole) })),
  losses: list(text),
  metrics: list(text),
  layers: list(object({ layer: text, experts: whole })),
  batch: nullable(record(whole)),
})
