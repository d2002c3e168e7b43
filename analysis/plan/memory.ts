/** Device memory that a plan takes, by part, before anything is allocated. */
import { evaluate, dim, type DimValues } from '../../plan/dim.ts'
import {
  BYTES,
  elementBytes,
  type Plan,
  type PlanBuffer,
  type PlanState,
  type Program,
  type WeightPort,
} from '../../plan/plan.ts'
import { blockBytes } from '../../runtime/cpu/memory.ts'
import { ownMemoryBytes } from '../../runtime/cpu/own-memory.ts'
import { programBytes } from '../../runtime/cpu/program.ts'
import { flaggedBindingOf } from '../../runtime/cpu/writers.ts'
import { chooseProgram } from '../../runtime/dims.ts'
import { partElements, roundUp, slotBytes } from '../../runtime/memory.ts'

/** What a plan keeps of earlier tokens, in bytes. */
export interface StateMemory {
  readonly all: number
  /** What one more token of one sequence takes: rows of all positions, without the last rows that have one size. */
  readonly perToken: number
  /** By what keeps it: `layers.0/attention.0` is the first that the attention of layer 0 keeps. */
  readonly parts: readonly { readonly name: string; readonly bytes: number }[]
}

/** Bytes. */
export interface MemoryPlan {
  /** By the format that they are stored in, else by their element type. */
  readonly weights: Readonly<Record<string, number>>
  /** Keys and values, and whatever else runs keep of sequences; null where each stands alone. */
  readonly state: StateMemory | null
  readonly constants: number
  /** Values that depend on weights alone: packed and transposed copies, tables. */
  readonly loadTimeConstants: number
  readonly inputs: number
  readonly outputs: number
  /** Intermediate results; buffers share it by liveness. */
  readonly scratch: number
  /** Staging buffers of a GPU; tables and the threads' own memory of the cpu device. */
  readonly runtime: number
  /** Of a run; all parts above. */
  readonly total: number
  /** While load-time constants are computed: weights, constants, and the scratch memory of that. */
  readonly loading: number
  /** The largest binding, and the largest buffer. */
  readonly largestBinding: { readonly name: string; readonly bytes: number }
}

export const peakOf = ({ total, loading }: MemoryPlan): number => Math.max(total, loading)

const sum = (sizes: Iterable<number>): number => [...sizes].reduce((all, size) => all + size, 0)

interface Sizes {
  /** Of the parts of a buffer, on the device. */
  readonly buffer: (buffer: PlanBuffer) => number
  readonly slots: (program: Program, values: DimValues) => number
  readonly runtime: (program: Program, values: DimValues) => number
}

function sizesOn(plan: Plan, values: DimValues, threads: number): Sizes {
  const isCpu = plan.target === 'cpu'
  const allocated = isCpu ? blockBytes : (bytes: number): number => bytes
  const buffer = (one: PlanBuffer): number =>
    sum(partElements(one, values).map((elements) => allocated(roundUp(elementBytes(one.dtype, one.storage, elements)))))
  const kernels = new Map(plan.kernels.map((kernel) => [kernel.id, kernel]))
  const table = ({ steps }: Program, dims: DimValues): number => {
    const entries = steps.map(({ kernel, bindings, workgroups }) => ({
      bindings: bindings.length,
      flags: flaggedBindingOf(kernels.get(kernel)!) === null ? 0 : Math.max(0, evaluate(dim(workgroups), dims)),
    }))
    return allocated(programBytes(entries, plan.dims.length))
  }
  const own = ({ steps }: Program): number => {
    const bytes = Math.max(
      0,
      ...steps.map((step) => kernels.get(step.kernel)!).map((one) => ('ownBytes' in one ? one.ownBytes : 0)),
    )
    return bytes === 0 ? 0 : allocated(ownMemoryBytes(bytes, threads))
  }
  const staging = (): number => sum(plan.outputs.filter(({ replaces }) => replaces === undefined).map(outputBytes(values)))
  return {
    buffer,
    slots: (program, dims) => sum(slotBytes(plan, program, dims).map(allocated)),
    runtime: (program, dims) => (isCpu ? table(program, dims) + own(program) : staging()),
  }
}

const storageOf = ({ dtype, storage }: PlanBuffer): string => storage?.format ?? dtype

const outputBytes =
  (values: DimValues) =>
  ({ dtype, shape }: Plan['outputs'][number]): number =>
    roundUp(BYTES[dtype] * shape.reduce((all, size) => all * evaluate(dim(size), values), 1))

function largestBinding(plan: Plan, values: DimValues): MemoryPlan['largestBinding'] {
  let largest = { name: '', bytes: 0 }
  for (const buffer of plan.buffers) {
    const bytes = elementBytes(buffer.dtype, buffer.storage, Math.max(0, ...partElements(buffer, values)))
    if (bytes > largest.bytes) largest = { name: buffer.name, bytes }
  }
  return largest
}

/** Elements of a variable that one position of one sequence has; 0 for the last rows of sequences. */
function elementsOfPosition({ shape }: WeightPort, { longest }: PlanState): number {
  const [, positions, ...rest] = shape.map((size) => evaluate(dim(size), {}))
  return positions === longest ? rest.reduce((all, size) => all * size, 1) : 0
}

function stateMemory({ weights, buffers, state }: Plan, bytesOf: Sizes['buffer']): StateMemory | null {
  if (state === undefined) return null
  const byId = new Map(buffers.map((buffer) => [buffer.id, buffer]))
  const kept = weights.flatMap((port) => (port.variable?.kind === 'cache' ? [{ port, of: port.variable.of }] : []))
  const parts = kept.map(({ port, of }) => ({ name: of, bytes: bytesOf(byId.get(port.buffer)!) }))
  return {
    all: sum(parts.map(({ bytes }) => bytes)),
    perToken: sum(kept.map(({ port }) => BYTES[port.dtype] * elementsOfPosition(port, state))),
    parts,
  }
}

/** For a run with these dims on a device with so many threads (a GPU has none). */
export function planMemory(plan: Plan, values: DimValues, threads: number): MemoryPlan {
  const sizes = sizesOn(plan, values, threads)
  const ofRole = (role: PlanBuffer['role']): number => sum(plan.buffers.filter((one) => one.role === role).map(sizes.buffer))
  const weights: Record<string, number> = {}
  const state = stateMemory(plan, sizes.buffer)
  const variables = new Set(plan.weights.flatMap(({ buffer, variable }) => (variable?.kind === 'cache' ? [buffer] : [])))
  for (const buffer of plan.buffers)
    if (buffer.role === 'weight' && !variables.has(buffer.id))
      weights[storageOf(buffer)] = (weights[storageOf(buffer)] ?? 0) + sizes.buffer(buffer)
  const program = chooseProgram(plan, values)
  const [constants, loadTimeConstants] = [ofRole('constant'), ofRole('held')]
  const parts = { constants, loadTimeConstants, inputs: ofRole('input'), outputs: ofRole('output') }
  const [scratch, runtime] = [sizes.slots(program, values), sizes.runtime(program, values)]
  const kept = sum(Object.values(weights)) + (state?.all ?? 0) + constants + loadTimeConstants
  return {
    weights,
    state,
    ...parts,
    scratch,
    runtime,
    total: kept + parts.inputs + parts.outputs + scratch + runtime,
    loading: plan.once === null ? kept : kept + sizes.slots(plan.once, {}) + sizes.runtime(plan.once, {}),
    largestBinding: largestBinding(plan, values),
  }
}
