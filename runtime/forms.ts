/** Argument schemas of the public functions of the runtime. */
import { callable, list, map, numbers, object, optional, record, text, whole } from '../plan/arguments.ts'

export const DEVICE = object({
  features: object({ has: callable }),
  limits: object({}),
  target: object({}),
  choice: object({ name: text }),
  wait: callable,
  lost: callable,
  takeError: callable,
})
export const ADAPTER = object({
  info: object({}),
  limits: object({}),
  features: object({ has: callable }),
  requestDevice: callable,
})
export const SOURCE = object({ name: text, size: whole, read: callable, close: callable })
export const CHECKPOINT = object({ name: text, tensors: map, metadata: object({}), read: callable, close: callable })
export const STORE = object({
  device: DEVICE,
  resources: object({ allocate: callable, disposedError: callable, lock: callable }),
})
export const TENSOR = object({ shape: list(whole), data: numbers })
export const TENSORS = record(TENSOR)
export const LAYER = object({
  name: text,
  experts: whole,
  tokens: whole,
  k: whole,
  selected: numbers,
  weights: numbers,
  spilled: optional(numbers),
  scores: optional(numbers),
})
export const RECORD = object({ layers: list(LAYER) })
export const REPORT = object({
  model: text,
  adapter: text,
  dims: record(whole),
  layers: list(object({ name: text, load: list(whole) })),
})
