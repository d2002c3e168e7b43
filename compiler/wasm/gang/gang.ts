/** What the code of a gang may use: its variables, buffers, arrays and dims, and where each is. */
import type { WeightStorage } from '../../../plan/storage/formats.ts'
import type { Expression, ScalarType } from '../../scalar/expression.ts'
import type { FunctionBody, ValueType } from '../function.ts'
import type { FunctionName } from '../math/functions.ts'
import type { Analysis } from './analysis.ts'
import { shapeOf, UNIFORM, type Shape } from './shape.ts'

/** Where a variable's value is: an affine one as its base alone. */
export interface Variable {
  readonly shape: Shape
  readonly type: ScalarType
  readonly local: number
}

export interface Buffer {
  /** Locals: the address, and how many elements there are. */
  readonly address: number
  readonly elements: number
  readonly type: ScalarType
  /** How elements are stored, where not as elements of the type. */
  readonly storage?: WeightStorage
}

/** An array in memory of the worker's own: one for the workgroup, or one a thread with the elements of four side by side. */
export interface LocalArray {
  readonly isShared: boolean
  readonly type: ScalarType
  readonly length: number
  /** Bytes from the start of the worker's memory. */
  readonly offset: number
}

export interface Gang {
  readonly body: FunctionBody
  readonly functionOf: (name: FunctionName) => number
  readonly buffers: ReadonlyMap<string, Buffer>
  readonly arrays: Map<string, LocalArray>
  readonly variables: Map<string, Variable>
  /** The local that holds a dim of the plan. */
  readonly dim: (name: string) => number
  /** The local with the address of the worker's own memory, where the arrays of a workgroup are. */
  readonly memory: number
  /** The local with the address of the gang's part of it, and what is added to it: where the arrays of its threads are. */
  readonly own: number
  readonly ownBase: number
}

export const valueType = (type: ScalarType): ValueType => (type === 'f32' ? 'f32' : 'i32')

export const shapeIn = (gang: Gang, e: Expression): Shape =>
  shapeOf(
    e,
    (name) => gang.variables.get(name)?.shape ?? UNIFORM,
    (array) => gang.arrays.get(array)?.isShared ?? false,
  )

export const isUniform = (gang: Gang, e: Expression): boolean => shapeIn(gang, e).kind === 'uniform'

export function found<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`${name} is not defined in the kernel`)
  return value
}

/** A gang, or those of its threads that are here. */
export interface Region extends Gang {
  readonly analysis: Analysis
  /** The local of the mask of the threads that are here; null where all are. */
  readonly mask: number | null
  /** Threads of the workgroup: fewer than a gang where it is small. */
  readonly lanes: number
  /** Makes room for an array of a worker's own. */
  readonly reserve: (bytes: number) => number
}
