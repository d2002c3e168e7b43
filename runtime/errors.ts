/** The errors of the runtime. Each class has a `kind`, so that errors can be distinguished as data too. */

import type { PlaceInSource } from '../plan/plan.ts'

export type ErrorKind =
  | 'no-adapter'
  | 'device-lost'
  | 'device'
  | 'limit'
  | 'feature'
  | 'out-of-memory'
  | 'plan'
  | 'kernel'
  | 'input'
  | 'weight'
  | 'store'
  | 'checkpoint'
  | 'state'
  | 'not-finite'
  | 'route'
  | 'file'

export abstract class RuntimeError extends Error {
  abstract readonly kind: ErrorKind

  override get name(): string {
    return this.constructor.name
  }
}

/** One place where adapters were searched: what was found and, if something is missing, the command that installs it. */
export interface Attempt {
  readonly what: string
  readonly found: string
  readonly command: string | null
}

/** There is no adapter, or none that matches the choice. */
export class NoAdapterError extends RuntimeError {
  readonly kind = 'no-adapter'
  readonly attempts: readonly Attempt[]

  constructor(choice: string, attempts: readonly Attempt[]) {
    const lines = attempts.map(
      ({ what, found, command }) => `  ${what}: ${found}${command === null ? '' : `; install it with: ${command}`}`,
    )
    super([`no WebGPU adapter for '${choice}'; searched`, ...lines].join('\n'))
    this.attempts = attempts
  }
}

/** The device was destroyed, unplugged or reset. */
export class DeviceLostError extends RuntimeError {
  readonly kind = 'device-lost'
  readonly reason: string

  constructor(reason: string, message: string) {
    super(`the device was lost (${reason})${message === '' ? '' : `: ${message}`}`)
    this.reason = reason
  }
}

/** An error of the device that no other class describes. */
export class DeviceError extends RuntimeError {
  readonly kind = 'device'
  readonly what: string

  constructor(what: string, message: string) {
    super(`${what}: ${message}`)
    this.what = what
  }
}

/** A plan, or a size at run time, exceeds a limit of the adapter. */
export class LimitError extends RuntimeError {
  readonly kind = 'limit'
  readonly limit: string
  readonly needed: number
  readonly available: number | null

  constructor(what: string, limit: string, needed: number, available: number | null) {
    super(`${what} needs ${limit} = ${needed}, the adapter has ${available ?? 'no fixed one'}`)
    this.limit = limit
    this.needed = needed
    this.available = available
  }
}

/** A plan needs features that the device does not have. */
export class FeatureError extends RuntimeError {
  readonly kind = 'feature'
  readonly missing: readonly string[]

  constructor(missing: readonly string[], have: readonly string[]) {
    super(`the plan needs the feature ${missing.join(', ')}; the device has ${have.join(', ') || 'none'}`)
    this.missing = missing
  }
}

/** The device has too little memory for a buffer of `bytes`. */
export class OutOfMemoryError extends RuntimeError {
  readonly kind = 'out-of-memory'
  readonly bytes: number

  constructor(what: string, bytes: number, message: string) {
    super(`out of memory for ${what}: ${formatBytes(bytes)} needed${message === '' ? '' : ` (${message})`}`)
    this.bytes = bytes
  }
}

/** A plan that is inconsistent, or of another version. */
export class PlanError extends RuntimeError {
  readonly kind = 'plan'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(['the plan cannot be run:', ...problems.map((problem) => `  ${problem}`)].join('\n'))
    this.problems = problems
  }
}

/** A kernel that does not compile on the device; `place` is the part of the spec that it computes. */
export class KernelError extends RuntimeError {
  readonly kind = 'kernel'
  readonly kernel: string
  readonly wgslLine: number | null
  readonly place: PlaceInSource | null

  constructor(kernel: string, wgslLine: number | null, place: PlaceInSource | null, message: string) {
    const at = wgslLine === null ? '' : `, WGSL line ${wgslLine}`
    const from = place === null ? '' : `, computing ${place.path}:${place.line}:${place.column} (${place.instance})`
    super(`kernel ${kernel}${at}${from}: ${message}`)
    this.kernel = kernel
    this.wgslLine = wgslLine
    this.place = place
  }
}

/** An input that is missing, unknown, or of the wrong dtype or shape; `dimension` is the dimension at fault, if there is one. */
export class InputError extends RuntimeError {
  readonly kind = 'input'
  readonly input: string
  readonly dimension: string | null

  constructor(input: string, dimension: string | null, message: string) {
    super(`input ${input}: ${message}`)
    this.input = input
    this.dimension = dimension
  }
}

/** Weights that a checkpoint lacks, or has in another form than the plan expects. */
export class WeightError extends RuntimeError {
  readonly kind = 'weight'
  readonly problems: readonly WeightProblem[]

  constructor(checkpoint: string, problems: readonly WeightProblem[]) {
    const shown = problems.slice(0, 20).map((problem) => `  ${problem.message}`)
    const rest = problems.length > 20 ? [`  and ${problems.length - 20} more`] : []
    super([`the weights do not fit ${checkpoint}:`, ...shown, ...rest].join('\n'))
    this.problems = problems
  }
}

/** A weight that a store lacks, or has in another shape, dtype or layout. */
export class StoreError extends RuntimeError {
  readonly kind = 'store'
  readonly weight: string

  constructor(weight: string, message: string) {
    super(`weight ${weight}: ${message}`)
    this.weight = weight
  }
}

export interface WeightProblem {
  readonly code: 'missing' | 'extra' | 'shape' | 'dtype' | 'not-finite' | 'range'
  /** Path in the model; null for a tensor of the checkpoint that no weight uses. */
  readonly weight: string | null
  readonly tensor: string
  /** Similar names in the checkpoint. */
  readonly near: readonly string[]
  readonly message: string
}

/** A checkpoint that cannot be read, or is malformed. */
export class CheckpointError extends RuntimeError {
  readonly kind = 'checkpoint'
  readonly file: string

  constructor(file: string, message: string) {
    super(`${file}: ${message}`)
    this.file = file
  }
}

/** A call at the wrong time: before the weights are loaded, or after dispose. */
export class StateError extends RuntimeError {
  readonly kind = 'state'
}

/** A tensor has NaN or infinite values although finite values were required. */
export class NotFiniteError extends RuntimeError {
  readonly kind = 'not-finite'
  readonly output: string
  readonly count: number
  /** Rows with such a value, in row-major order over all axes but the last; empty if rows were not searched. */
  readonly rows: readonly number[]

  /** `where` describes the rows. */
  constructor(output: string, count: number, elements: number, first: number, rows: readonly number[] = [], where = '') {
    super(
      `output ${output}: ${count} of ${elements} values are not finite, the first at ${first}${where === '' ? '' : `, in ${where}`}`,
    )
    this.output = output
    this.count = count
    this.rows = rows
  }
}

/** A routing record or report that is inconsistent, or does not fit another; `where` is a layer or a file. */
export class RouteError extends RuntimeError {
  readonly kind = 'route'
  readonly where: string

  constructor(where: string, message: string) {
    super(`${where}: ${message}`)
    this.where = where
  }
}

/** A file or directory that cannot be read or written. */
export class FileError extends RuntimeError {
  readonly kind = 'file'
  readonly path: string
  /** The message without the path. */
  readonly reason: string

  constructor(path: string, reason: string) {
    super(`'${showPath(path)}' ${reason}`)
    this.path = path
    this.reason = reason
  }
}

/** Longer paths are shortened in the middle. */
const SHOWN = 160

/** A path for one line of a message: control characters are escaped, a very long path is shortened in the middle. */
export function showPath(path: string): string {
  const short = path.length > SHOWN ? `${path.slice(0, SHOWN / 2)}...${path.slice(-SHOWN / 2)}` : path
  return short.replaceAll(/[\p{Cc}\u2028\u2029]/gu, (character) =>
    character === '\n' ? '\\n' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** 1536 -> `1.5 KiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** power
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[power]}`
}
