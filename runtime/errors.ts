/** What can go wrong between a plan and a device. Each class has a `kind`, so that errors can be told apart as data too. */

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

/** One way to a device that was tried, what became of it and, where there is one, the command that opens it. */
export interface Attempt {
  readonly what: string
  readonly found: string
  readonly command: string | null
}

/** No adapter is there, or none is as asked for. */
export class NoAdapterError extends RuntimeError {
  readonly kind = 'no-adapter'
  readonly attempts: readonly Attempt[]

  constructor(asked: string, attempts: readonly Attempt[]) {
    const lines = attempts.map(
      ({ what, found, command }) => `  ${what}: ${found}${command === null ? '' : `; bring it with: ${command}`}`,
    )
    super([`no WebGPU adapter for '${asked}'; looked for`, ...lines].join('\n'))
    this.attempts = attempts
  }
}

/** The device is gone: destroyed, unplugged or reset. */
export class DeviceLostError extends RuntimeError {
  readonly kind = 'device-lost'
  readonly reason: string

  constructor(reason: string, message: string) {
    super(`the device was lost (${reason})${message === '' ? '' : `: ${message}`}`)
    this.reason = reason
  }
}

/** The device refused something that no other class describes. */
export class DeviceError extends RuntimeError {
  readonly kind = 'device'
  readonly what: string

  constructor(what: string, message: string) {
    super(`${what}: ${message}`)
    this.what = what
  }
}

/** A plan, or a size at run time, asks for more than the adapter gives. */
export class LimitError extends RuntimeError {
  readonly kind = 'limit'
  readonly limit: string
  readonly needed: number
  readonly have: number | null

  constructor(what: string, limit: string, needed: number, have: number | null) {
    super(`${what} needs ${limit} = ${needed}, the adapter has ${have ?? 'none that is fixed'}`)
    this.limit = limit
    this.needed = needed
    this.have = have
  }
}

/** A plan asks for features that the device was not opened with. */
export class FeatureError extends RuntimeError {
  readonly kind = 'feature'
  readonly missing: readonly string[]

  constructor(missing: readonly string[], have: readonly string[]) {
    super(`the plan needs the feature ${missing.join(', ')}; the device has ${have.join(', ') || 'none'}`)
    this.missing = missing
  }
}

/** The device has no room for a buffer of `bytes`. */
export class OutOfMemoryError extends RuntimeError {
  readonly kind = 'out-of-memory'
  readonly bytes: number

  constructor(what: string, bytes: number, message: string) {
    super(`out of memory for ${what}: ${formatBytes(bytes)} needed${message === '' ? '' : ` (${message})`}`)
    this.bytes = bytes
  }
}

/** A plan that contradicts itself, or is of another version. */
export class PlanError extends RuntimeError {
  readonly kind = 'plan'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(['the plan cannot be run:', ...problems.map((problem) => `  ${problem}`)].join('\n'))
    this.problems = problems
  }
}

/** A kernel that the device does not compile; `place` is what it computes in the spec. */
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

/** An input that is missing, unknown, of another type, or of a shape that does not fit; `dimension` where one is to blame. */
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

/** A weight that the checkpoint does not give as the plan wants it. */
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

/** A weight of a store that is not there, or is not as a plan or a caller has it. */
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
  /** Path in the model; null for a tensor of the checkpoint that no weight wants. */
  readonly weight: string | null
  readonly tensor: string
  /** Names in the checkpoint that may have been meant. */
  readonly near: readonly string[]
  readonly message: string
}

/** A checkpoint that cannot be read, or breaks the rules of its format. */
export class CheckpointError extends RuntimeError {
  readonly kind = 'checkpoint'
  readonly file: string

  constructor(file: string, message: string) {
    super(`${file}: ${message}`)
    this.file = file
  }
}

/** Something asked for at the wrong time: before the weights are there, or after dispose. */
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

/** A record of routes, or a report of one, that contradicts itself or does not fit another; `where` is a layer or a file. */
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
