import { evaluate, type DimValues } from '../plan/dim.ts'
import { BYTES, type Plan, type PlanBuffer, type Program } from '../plan/plan.ts'
import { chooseProgram } from './dims.ts'

/** Kernels may see a buffer as `array<vec4<...>>`, which needs 16 bytes at the least; an empty one cannot be bound. */
const GRAIN = 16

/** What is copied is a number of whole words: halves may lack one, and behind them nothing lies. */
export const copiedBytes = (elements: number, bytes: number): number => Math.ceil((elements * bytes) / 4) * 4

export const roundUp = (bytes: number, grain = GRAIN): number => Math.max(grain, Math.ceil(bytes / grain) * grain)

/** Elements in each part of a buffer, in order. */
export function partElements(buffer: PlanBuffer, values: DimValues): readonly number[] {
  const all = evaluate(buffer.elements, values)
  const { parts, partElements: size } = buffer
  if (size === null) return [all]
  return Array.from({ length: parts }, (_, part) => Math.max(0, Math.min(size, all - part * size)))
}

export const bufferBytes = (buffer: PlanBuffer, values: DimValues): number =>
  partElements(buffer, values).reduce((sum, elements) => sum + roundUp(elements * BYTES[buffer.dtype]), 0)

/** Where a binding may begin inside a buffer, on every adapter. */
const OFFSET_GRAIN = 256

export interface Stretch {
  readonly offset: number
  readonly size: number
  readonly elements: number
}

/** The parts of a scratch buffer one after the other, each where a binding may begin. */
export function stretches(buffer: PlanBuffer, values: DimValues): readonly Stretch[] {
  let end = 0
  return partElements(buffer, values).map((elements) => {
    const offset = end
    const size = roundUp(elements * BYTES[buffer.dtype])
    end += roundUp(size, OFFSET_GRAIN)
    return { offset, size, elements }
  })
}

function stretchBytes(buffer: PlanBuffer, values: DimValues): number {
  const last = stretches(buffer, values).at(-1)
  return last === undefined ? 0 : last.offset + last.size
}

/** Bytes of each slot of a program: room for what the plan says, and for the parts of each buffer placed in it. */
export function slotBytes(plan: Plan, program: Program, values: DimValues): readonly number[] {
  const buffers = new Map(plan.buffers.map((buffer) => [buffer.id, buffer]))
  return program.slots.map(({ bytes }, at) => {
    const placed = program.placement.filter(({ slot }) => slot === at).map(({ buffer }) => buffers.get(buffer)!)
    const sizes = [...bytes.map((size) => evaluate(size, values)), ...placed.map((buffer) => stretchBytes(buffer, values))]
    return roundUp(Math.max(0, ...sizes))
  })
}

/** Device memory by what it is for, in bytes. */
export interface MemoryEstimate {
  readonly weights: number
  readonly constants: number
  readonly held: number
  readonly inputs: number
  readonly outputs: number
  readonly scratch: number
  /** Copies of the outputs on their way to the host. */
  readonly staging: number
  readonly total: number
}

const roleBytes = (plan: Plan, role: PlanBuffer['role'], values: DimValues): number =>
  plan.buffers.filter((buffer) => buffer.role === role).reduce((all, buffer) => all + bufferBytes(buffer, values), 0)

/** What lives as long as a session. */
export const persistentBytes = (plan: Plan): number =>
  roleBytes(plan, 'weight', {}) + roleBytes(plan, 'constant', {}) + roleBytes(plan, 'held', {})

/** What a session of this plan takes on the device with these dims, before anything is allocated. */
export function estimate(plan: Plan, values: DimValues): MemoryEstimate {
  const [weights, constants, held] = [roleBytes(plan, 'weight', {}), roleBytes(plan, 'constant', {}), roleBytes(plan, 'held', {})]
  const [inputs, outputs] = [roleBytes(plan, 'input', values), roleBytes(plan, 'output', values)]
  const scratch = slotBytes(plan, chooseProgram(plan, values), values).reduce((all, bytes) => all + bytes, 0)
  const staging = outputs
  const total = weights + constants + held + inputs + outputs + scratch + staging
  return { weights, constants, held, inputs, outputs, scratch, staging, total }
}
