/**
 * The runtime, `smoe/runtime`. It does not use Node: devices come from `runtime/node` or `runtime/browser`, files from
 * `runtime/checkpoint/files.ts`.
 */

import {
  anything,
  bytes,
  callable,
  checked,
  checkedAsync,
  filled,
  list,
  numbers,
  object,
  optional,
  options,
  readable,
  real,
  record,
  text,
  whole,
} from '../plan/arguments.ts'
import { PLAN, PORTS } from '../plan/forms.ts'
import { weightsByPath as weightsByPathUnchecked } from '../plan/weight-path.ts'
import { encodeSafetensors as encodeSafetensorsUnchecked } from './checkpoint/encode.ts'
import { memoryCheckpoint as memoryCheckpointUnchecked } from './checkpoint/memory.ts'
import { openSafetensors as openSafetensorsUnchecked } from './checkpoint/safetensors.ts'
import { openModel as openModelUnchecked, openShards as openShardsUnchecked } from './checkpoint/shards.ts'
import {
  blobSource as blobSourceUnchecked,
  bytesSource as bytesSourceUnchecked,
  urlSource as urlSourceUnchecked,
} from './checkpoint/source.ts'
import { readTensor as readTensorUnchecked } from './checkpoint/tensor.ts'
import { describeTarget as describeTargetUnchecked, openDevice as openDeviceUnchecked } from './webgpu/device.ts'
import { bindDims as bindDimsUnchecked, chooseProgram as chooseProgramUnchecked } from './dims.ts'
import { formatBytes as formatBytesUnchecked, showPath as showPathUnchecked } from './errors.ts'
import { findNonFinite as findNonFiniteUnchecked } from './finite.ts'
import { estimate as estimateUnchecked } from './memory.ts'
import { balance as balanceUnchecked } from './routing/balance.ts'
import { collapse as collapseUnchecked } from './routing/collapse.ts'
import { compareReports as compareReportsUnchecked } from './routing/difference.ts'
import { checkRecord as checkRecordUnchecked } from './routing/record.ts'
import { replayRoutes as replayRoutesUnchecked } from './routing/replay.ts'
import { reportRoutes as reportRoutesUnchecked } from './routing/report.ts'
import {
  recordOf as recordOfUnchecked,
  readRoutes as readRoutesUnchecked,
  routeTensors as routeTensorsUnchecked,
} from './routing/tensors.ts'
import { printReport as printReportUnchecked, readReport as readReportUnchecked } from './routing/text.ts'
import { createSequences as createSequencesUnchecked } from './sequences.ts'
import { createSession as createSessionUnchecked } from './session.ts'
import { createStore as createStoreUnchecked } from './store.ts'
import { checkInputs as checkInputsUnchecked } from './typed.ts'
import { ADAPTER, CHECKPOINT, DEVICE, RECORD, REPORT, SOURCE, STORE, TENSORS } from './forms.ts'

export type { AdapterChoice, Device } from './device.ts'
export type { DeviceOptions } from './webgpu/device.ts'
export type { SavedSequences, Sequences } from './sequences.ts'
export type { Profile, RunOptions, Session, SessionOptions } from './session.ts'
export type { CompileProgress } from './kernel-cache.ts'
export type { Store, StoreOptions } from './store.ts'
export type { Inputs } from './dims.ts'
export type { MemoryEstimate } from './memory.ts'
export type { Outputs } from './run.ts'
export type { NonFinite } from './finite.ts'
export type { DispatchTime } from './profile.ts'
export type { HostArray, HostData } from './tensors.ts'
export type { LoadOptions, LoadReport } from './weights/load.ts'
export type { Checkpoint, TensorInfo } from './checkpoint/checkpoint.ts'
export { INDEX, SINGLE, type OpenFile } from './checkpoint/shards.ts'
export type { ByteSource } from './checkpoint/source.ts'
export type { FileData } from './checkpoint/encode.ts'
export type { RouteOutput } from './routing/tensors.ts'
export type { RoutedLayer, RouteRecord } from './routing/record.ts'
export type { LayerReport, ReportFacts, RouterCollapse, RoutingReport } from './routing/report.ts'
export type { ReplayedLayer } from './routing/replay.ts'
export type { Balance } from './routing/balance.ts'
export type { LayerDifference } from './routing/difference.ts'
export type { Collapse, RandomRows, RouterVerdict } from './routing/collapse.ts'
export type { LoadCollapse, LoadVerdict } from './routing/load-collapse.ts'
export * from './errors.ts'
export type { Plan } from '../plan/plan.ts'
export type { Tensor, TypedPort } from './typed.ts'
export { ArgumentError } from '../plan/arguments.ts'

/** The compilation target of an adapter. */
export const describeTarget = checked('describeTarget', { adapter: ADAPTER, name: optional(text) }, describeTargetUnchecked)

/** Opens an adapter with its full limits and the features that kernels use. Throws a DeviceError if the adapter refuses. */
export const openDevice = checkedAsync(
  'openDevice',
  { adapter: ADAPTER, options: options({ choice: object({ name: text }), wait: callable, availableMemory: callable }) },
  openDeviceUnchecked,
)

/**
 * Checks the plan against the device, compiles its kernels and allocates its weights. Throws a PlanError, FeatureError,
 * LimitError, KernelError or OutOfMemoryError, or a StoreError if the store has a weight in another shape, dtype or layout.
 */
export const createSession = checkedAsync(
  'createSession',
  { device: DEVICE, plan: readable, options: options({ store: STORE, onCompile: callable }) },
  createSessionUnchecked,
)

/** The sequences that runs of a session continue. Throws a StateError for a plan that keeps nothing between runs. */
export const createSequences = checked(
  'createSequences',
  { session: object({ plan: PLAN, run: callable }) },
  createSequencesUnchecked,
)

/** Creates a store of weights. A lost device is reported by the methods of the store, not here. */
export const createStore = checked(
  'createStore',
  {
    device: DEVICE,
    options: options({ buckets: list(object({ name: text, members: list(object({ name: text, shape: list(whole) })) })) }),
  },
  createStoreUnchecked,
)

/** Checks the inputs and returns the values of the plan's dims. Throws an InputError with the input and the dimension. */
export const bindDims = checked('bindDims', { plan: PLAN, inputs: record(anything) }, bindDimsUnchecked)

/** The first program whose condition holds. Throws an InputError if there is none. */
export const chooseProgram = checked('chooseProgram', { plan: PLAN, values: record(whole) }, chooseProgramUnchecked)

/** Device memory in bytes that a session of this plan needs with these dims; allocates nothing. */
export const estimate = checked('estimate', { plan: PLAN, values: record(whole) }, estimateUnchecked)

/** Each tensor with NaN or infinite values, and the rows that contain them, in the given order; integers are always finite. */
export const findNonFinite = checked('findNonFinite', { tensors: TENSORS }, findNonFiniteUnchecked)

/** A checkpoint of arrays in host memory. */
export const memoryCheckpoint = checked('memoryCheckpoint', { tensors: TENSORS, name: optional(text) }, memoryCheckpointUnchecked)

/** Reads and checks the whole header; tensors are read on demand. Throws a CheckpointError. */
export const openSafetensors = checkedAsync('openSafetensors', { source: SOURCE }, openSafetensorsUnchecked)

/** A model in the Hugging Face layout: one file, or an index and its shards. Throws a CheckpointError if there is neither. */
export const openModel = checkedAsync('openModel', { directory: text, open: callable }, openModelUnchecked)

/** A checkpoint of several shards, by its index. Throws a CheckpointError with the shard that is missing or lacks a tensor. */
export const openShards = checkedAsync('openShards', { index: SOURCE, open: callable }, openShardsUnchecked)

/** A byte source over a blob, such as a file picked in a browser. */
export const blobSource = checked(
  'blobSource',
  { blob: object({ size: whole, slice: callable }), name: optional(text) },
  blobSourceUnchecked,
)

/** A byte source over bytes in memory; reads are views of them. */
export const bytesSource = checked('bytesSource', { bytes, name: optional(text) }, bytesSourceUnchecked)

/** A byte source over a URL. Throws a CheckpointError if the server does not support range requests. */
export const urlSource = checkedAsync('urlSource', { url: filled, get: optional(callable) }, urlSourceUnchecked)

/** Reads a whole tensor; f16 and bf16 are converted to f32. Throws a CheckpointError. */
export const readTensor = checkedAsync('readTensor', { checkpoint: CHECKPOINT, name: text }, readTensorUnchecked)

/** Encodes a safetensors file in memory. Throws a RangeError if a shape does not fit its data. */
export const encodeSafetensors = checked(
  'encodeSafetensors',
  { tensors: TENSORS, metadata: optional(record(text)) },
  encodeSafetensorsUnchecked,
)

/** The routing record among the outputs of a run. Throws a RouteError or NotFiniteError as `checkRecord`. */
export const recordOf = checked(
  'recordOf',
  { routes: list(object({ layer: text, experts: whole, selected: text, weights: text })), outputs: TENSORS },
  recordOfUnchecked,
)

/** Reads a routing record from a file written from `routeTensors`. Throws a RouteError, a NotFiniteError or a CheckpointError. */
export const readRoutes = checkedAsync('readRoutes', { checkpoint: CHECKPOINT }, readRoutesUnchecked)

/**
 * A routing record as tensors, `layers.0/moe.selected` and `layers.0/moe.weights` for each layer, and metadata with the numbers
 * of experts.
 */
export const routeTensors = checked('routeTensors', { record: RECORD }, routeTensorsUnchecked)

/** Checks each layer, and that their names differ. Throws a RouteError or a NotFiniteError. */
export const checkRecord = checked('checkRecord', { record: RECORD }, checkRecordUnchecked)

/**
 * The routing report of a record. Throws a RouteError for invalid records or records that cannot be compared, and a
 * NotFiniteError for weights.
 */
export const reportRoutes = checked(
  'reportRoutes',
  { record: RECORD, facts: object({ model: text, adapter: text, dims: record(whole) }) },
  reportRoutesUnchecked,
)

/** A routing report as JSON. */
export const printReport = checked('printReport', { report: REPORT }, printReportUnchecked)

/** A routing report from JSON. Throws a RouteError. */
export const readReport = checked('readReport', { text, name: text }, readReportUnchecked)

/**
 * Recorded routing decisions as inputs of a run, by name. Throws a RouteError if the record does not fit, or violates a
 * constraint of the model.
 */
export const replayRoutes = checked(
  'replayRoutes',
  { record: RECORD, wanted: list(object({ layer: text, experts: whole, tokens: whole, k: whole })), name: text },
  replayRoutesUnchecked,
)

/** Whether the loads of experts lie within so many percent of their mean. */
export const balance = checked('balance', { load: object({ counts: list(whole), kept: whole }), within: real }, balanceUnchecked)

/** The differences of two reports, layer by layer. Throws a RouteError if they cannot be compared. */
export const compareReports = checked('compareReports', { a: REPORT, b: REPORT, name: text }, compareReportsUnchecked)

/** Collapse level of the rows of a matrix [E, D]: 1 if all rows are parallel, near 0 if they are unrelated. */
export const collapse = checked('collapse', { values: numbers, width: whole }, collapseUnchecked)

/** The plan with weights that are read by their paths in the model. */
export const weightsByPath = checked('weightsByPath', { plan: PLAN }, weightsByPathUnchecked)

/** The dims of these inputs. Throws a TypeError for a wrong dtype, and a RangeError with the dimension for a wrong size. */
export const checkInputs = checked(
  'checkInputs',
  { ports: PORTS, inputs: record(object({ shape: list(real) })) },
  checkInputsUnchecked,
)

/** 1536 -> `1.5 KiB`. */
export const formatBytes = checked('formatBytes', { bytes: real }, formatBytesUnchecked)

/** A path on one line of a message: control characters are escaped, and a very long path is shortened. */
export const showPath = checked('showPath', { path: text }, showPathUnchecked)
