/** Sizes and alignment of device memory, and the memory estimate of a plan. */
import { evaluate, type DimValues } from '../plan/dim.ts'
import { elementBytes, type Plan, type PlanBuffer, type Program } from '../plan/plan.ts'
import { chooseProgram } from './dims.ts'

/** Bytes. Kernels may view a buffer as `array<vec4<...>>`, of at least 16 bytes; an empty buffer cannot be bound. */
const ALIGNMENT = 16

/** Bytes of a copy, a multiple of 4: an odd number of f16 elements is padded. */
export const copySize = (elements: number, bytes: number): number => Math.ceil((elements * bytes) / 4) * 4

/** Rounds bytes up to a multiple of `alignment`, at least one. */
export const roundUp = (bytes: number, alignment = ALIGNMENT): number =>
  Math.max(alignment, Math.ceil(bytes / alignment) * alignment)

/** Elements of each part of a buffer, in order. */
export function partElements(buffer: PlanBuffer, values: DimValues): readonly number[] {
  const all = evaluate(buffer.elements, values)
  const { parts, partElements: size } = buffer
  if (size === null) return [all]
  return Array.from({ length: parts }, (_, part) => Math.max(0, Math.min(size, all - part * size)))
}

/** Device memory of a buffer with these dims, in bytes. */
export const bufferBytes = (buffer: PlanBuffer, values: DimValues): number =>
  partElements(buffer, values).reduce((sum, elements) => sum + roundUp(elementBytes(buffer.dtype, buffer.storage, elements)), 0)

/** The format that f32 weights could be stored in instead: it keeps their range, and most checkpoints are shipped in it. */
const SHORT = 'bf16'

/** What weights would take in fewer bytes. */
export interface ShortWeights {
  readonly format: typeof SHORT
  /** Of the buffers, with those of f32 in the format. */
  readonly bytes: number
}

/** Null for a plan that updates its weights, which are f32, and where none is stored as f32. */
export function shortWeights(plan: Pick<Plan, 'outputs'>, buffers: readonly PlanBuffer[]): ShortWeights | null {
  const replacing = plan.outputs.filter(({ replaces }) => replaces !== undefined)
  // what is kept of a sequence is f32
  const kept = new Set(replacing.map(({ buffer }) => buffer))
  const isPlain = ({ id, dtype, storage }: PlanBuffer): boolean => dtype === 'f32' && storage === undefined && !kept.has(id)
  if (replacing.some(({ role }) => role?.kind !== 'cache') || !buffers.some(isPlain)) return null
  const bytes = buffers
    .map((buffer) => bufferBytes(isPlain(buffer) ? { ...buffer, storage: { format: SHORT } } : buffer, {}))
    .reduce((all, one) => all + one, 0)
  return { format: SHORT, bytes }
}

/** Bytes. Every adapter accepts binding offsets of this alignment. */
const OFFSET_ALIGNMENT = 256

export interface Region {
  readonly offset: number
  readonly size: number
  readonly elements: number
}

/** The parts of a scratch buffer, placed one after the other at aligned offsets. */
export function partRegions(buffer: PlanBuffer, values: DimValues): readonly Region[] {
  let end = 0
  return partElements(buffer, values).map((elements) => {
    const offset = end
    const size = roundUp(elementBytes(buffer.dtype, buffer.storage, elements))
    end += roundUp(size, OFFSET_ALIGNMENT)
    return { offset, size, elements }
  })
}

function regionBytes(buffer: PlanBuffer, values: DimValues): number {
  const last = partRegions(buffer, values).at(-1)
  return last === undefined ? 0 : last.offset + last.size
}

/**
 * Bytes of each scratch slot of a program: at least the size in the plan, and enough for the parts of each buffer placed in it.
 */
export function slotBytes(plan: Plan, program: Program, values: DimValues): readonly number[] {
  const buffers = new Map(plan.buffers.map((buffer) => [buffer.id, buffer]))
  return program.slots.map(({ bytes }, at) => {
    const placed = program.placement.filter(({ slot }) => slot === at).map(({ buffer }) => buffers.get(buffer)!)
    const sizes = [...bytes.map((size) => evaluate(size, values)), ...placed.map((buffer) => regionBytes(buffer, values))]
    return roundUp(Math.max(0, ...sizes))
  })
}

/** Device memory by use, in bytes. */
export interface MemoryEstimate {
  readonly weights: number
  readonly constants: number
  /** Load-time constants. */
  readonly held: number
  readonly inputs: number
  readonly outputs: number
  readonly scratch: number
  /** Staging buffers of the outputs. */
  readonly staging: number
  readonly total: number
}

const roleBytes = (plan: Plan, role: PlanBuffer['role'], values: DimValues): number =>
  plan.buffers.filter((buffer) => buffer.role === role).reduce((all, buffer) => all + bufferBytes(buffer, values), 0)

/** Bytes of weights, constants and load-time constants. */
export const persistentBytes = (plan: Plan): number =>
  roleBytes(plan, 'weight', {}) + roleBytes(plan, 'constant', {}) + roleBytes(plan, 'held', {})

/** Device memory that a session of this plan needs with these dims; allocates nothing. */
export function estimate(plan: Plan, values: DimValues): MemoryEstimate {
  const [weights, constants, held] = [roleBytes(plan, 'weight', {}), roleBytes(plan, 'constant', {}), roleBytes(plan, 'held', {})]
  const [inputs, outputs] = [roleBytes(plan, 'input', values), roleBytes(plan, 'output', values)]
  const scratch = slotBytes(plan, chooseProgram(plan, values), values).reduce((all, bytes) => all + bytes, 0)
  const staging = outputs
  const total = weights + constants + held + inputs + outputs + scratch + staging
  return { weights, constants, held, inputs, outputs, scratch, staging, total }
}
