/** Runs plans. Nothing here is of Node: devices come from `runtime/dawn` or `runtime/browser`, files from `runtime/checkpoint/files.ts`. */

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
import { describeTarget as describeTargetUnchecked, openDevice as openDeviceUnchecked } from './device.ts'
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
import { createSession as createSessionUnchecked } from './session.ts'
import { createStore as createStoreUnchecked } from './store.ts'
import { checkInputs as checkInputsUnchecked } from './typed.ts'
import { ADAPTER, CHECKPOINT, DEVICE, RECORD, REPORT, SOURCE, STORE, TENSORS } from './forms.ts'

export type { AdapterChoice, Device, DeviceOptions } from './device.ts'
export type { Profile, RunOptions, Session, SessionOptions } from './session.ts'
export type { CompileProgress } from './pipelines.ts'
export type { Store, StoreOptions } from './store.ts'
export type { Inputs } from './dims.ts'
export type { MemoryEstimate } from './memory.ts'
export type { Outputs } from './run.ts'
export type { NonFinite } from './finite.ts'
export type { StepTime } from './profile.ts'
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

/** The properties of an adapter that the compiler needs. */
export const describeTarget = checked('describeTarget', { adapter: ADAPTER, name: optional(text) }, describeTargetUnchecked)

/** Opens an adapter with all of its limits and those features that kernels use. Throws a DeviceError where it refuses. */
export const openDevice = checkedAsync(
  'openDevice',
  { adapter: ADAPTER, options: options({ choice: object({ name: text }), wait: callable, room: callable }) },
  openDeviceUnchecked,
)

/**
 * Checks the plan against the device, compiles its kernels and takes memory for its weights. Throws a PlanError, FeatureError, LimitError,
 * KernelError, OutOfMemoryError, or a StoreError where the store has a weight in another form.
 */
export const createSession = checkedAsync(
  'createSession',
  { device: DEVICE, plan: readable, options: options({ store: STORE, onCompile: callable }) },
  createSessionUnchecked,
)

/** A store of weights. A lost device is reported by the store's methods, not here. */
export const createStore = checked(
  'createStore',
  {
    device: DEVICE,
    options: options({ buckets: list(object({ name: text, members: list(object({ name: text, shape: list(whole) })) })) }),
  },
  createStoreUnchecked,
)

/** The values of the plan's dims that these inputs mean. Throws an InputError naming the input and the dimension. */
export const bindDims = checked('bindDims', { plan: PLAN, inputs: record(anything) }, bindDimsUnchecked)

/** The first program whose condition holds. Throws an InputError where none is for these dimensions. */
export const chooseProgram = checked('chooseProgram', { plan: PLAN, values: record(whole) }, chooseProgramUnchecked)

/** Device memory in bytes that a session of this plan needs with these dims; allocates nothing. */
export const estimate = checked('estimate', { plan: PLAN, values: record(whole) }, estimateUnchecked)

/** Each tensor with NaN or infinite values, and the rows that contain them, in the given order; integers are always finite. */
export const findNonFinite = checked('findNonFinite', { tensors: TENSORS }, findNonFiniteUnchecked)

/** A checkpoint of arrays in host memory. */
export const memoryCheckpoint = checked('memoryCheckpoint', { tensors: TENSORS, name: optional(text) }, memoryCheckpointUnchecked)

/** Reads the header and checks all of it; tensors are read as they are asked for. Throws a CheckpointError. */
export const openSafetensors = checkedAsync('openSafetensors', { source: SOURCE }, openSafetensorsUnchecked)

/** A model as Hugging Face lays it out: one file, or an index and its shards. Throws a CheckpointError where neither is there. */
export const openModel = checkedAsync('openModel', { directory: text, open: callable }, openModelUnchecked)

/** A checkpoint of several files, as its index says. Throws a CheckpointError naming the shard that is missing or lacks a tensor. */
export const openShards = checkedAsync('openShards', { index: SOURCE, open: callable }, openShardsUnchecked)

/** A blob, such as a file that a person picked in a browser. */
export const blobSource = checked(
  'blobSource',
  { blob: object({ size: whole, slice: callable }), name: optional(text) },
  blobSourceUnchecked,
)

/** Bytes in memory; what is read is a view of them. */
export const bytesSource = checked('bytesSource', { bytes, name: optional(text) }, bytesSourceUnchecked)

/** A URL whose server supports range requests. Throws a CheckpointError if it does not. */
export const urlSource = checkedAsync('urlSource', { url: filled, get: optional(callable) }, urlSourceUnchecked)

/** A whole tensor on the host: f16 and bf16 become f32, the rest stays as it is. Throws a CheckpointError. */
export const readTensor = checkedAsync('readTensor', { checkpoint: CHECKPOINT, name: text }, readTensorUnchecked)

/** A whole safetensors file in memory. Throws a RangeError where a shape is not that of its data. */
export const encodeSafetensors = checked(
  'encodeSafetensors',
  { tensors: TENSORS, metadata: optional(record(text)) },
  encodeSafetensorsUnchecked,
)

/** The record among the outputs of a run with routes. Throws a RouteError or NotFiniteError as `checkRecord`. */
export const recordOf = checked(
  'recordOf',
  { routes: list(object({ layer: text, experts: whole, selected: text, weights: text })), outputs: TENSORS },
  recordOfUnchecked,
)

/** A record from a file that `routeTensors` was written to. Throws a RouteError, a NotFiniteError or a CheckpointError. */
export const readRoutes = checkedAsync('readRoutes', { checkpoint: CHECKPOINT }, readRoutesUnchecked)

/** `layers.0/moe.selected` and `layers.0/moe.weights` for each layer, and metadata with the numbers of experts. */
export const routeTensors = checked('routeTensors', { record: RECORD }, routeTensorsUnchecked)

/** Checks each layer, and that no two have one name. Throws a RouteError or a NotFiniteError. */
export const checkRecord = checked('checkRecord', { record: RECORD }, checkRecordUnchecked)

/** Every diagnostic of a record. Throws a RouteError for records that cannot be or cannot be compared, a NotFiniteError for weights that are not finite. */
export const reportRoutes = checked(
  'reportRoutes',
  { record: RECORD, facts: object({ model: text, adapter: text, dims: record(whole) }) },
  reportRoutesUnchecked,
)

/** A report as JSON text. */
export const printReport = checked('printReport', { report: REPORT }, printReportUnchecked)

/** A report from JSON text. Throws a RouteError. */
export const readReport = checked('readReport', { text, name: text }, readReportUnchecked)

/** The inputs that stand for decisions, by their names. Throws a RouteError where the record does not fit, or breaks what the model requires. */
export const replayRoutes = checked(
  'replayRoutes',
  { record: RECORD, wanted: list(object({ layer: text, experts: whole, tokens: whole, k: whole })), name: text },
  replayRoutesUnchecked,
)

/** How near loads are to their mean, within so many percent of it. */
export const balance = checked('balance', { load: object({ counts: list(whole), kept: whole }), within: real }, balanceUnchecked)

/** What differs between two reports, layer by layer. Throws a RouteError where they cannot be compared. */
export const compareReports = checked('compareReports', { a: REPORT, b: REPORT, name: text }, compareReportsUnchecked)

/** Collapse level of the rows of a matrix [E, D]: 1 if all rows are parallel, near 0 if they are unrelated. */
export const collapse = checked('collapse', { values: numbers, width: whole }, collapseUnchecked)

/** The plan that reads its weights by their paths in the model. */
export const weightsByPath = checked('weightsByPath', { plan: PLAN }, weightsByPathUnchecked)

/** The dims these inputs mean. Throws a TypeError for a wrong class of array and a RangeError that names the dimension for a wrong size. */
export const checkInputs = checked(
  'checkInputs',
  { ports: PORTS, inputs: record(object({ shape: list(real) })) },
  checkInputsUnchecked,
)

/** 1536 -> `1.5 KiB`. */
export const formatBytes = checked('formatBytes', { bytes: real }, formatBytesUnchecked)

/** A path for one line of a message: control characters are escaped, a very long path is shortened in the middle. */
export const showPath = checked('showPath', { path: text }, showPathUnchecked)
