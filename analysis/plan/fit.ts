/** Whether a plan fits a device, and what would make it fit. */
import type { DimValues } from '../../plan/dim.ts'
import type { Plan } from '../../plan/plan.ts'
import type { Device } from '../../runtime/device.ts'
import { LimitError, RuntimeError } from '../../runtime/errors.ts'
import { checkRequirements } from '../../runtime/requirements.ts'
import { shortWeights } from '../../runtime/memory.ts'
import { peakOf, planMemory, type MemoryPlan } from './memory.ts'

/** What is asked of a device; only numbers are read. */
export type DeviceFacts = Pick<Device, 'target' | 'choice' | 'features' | 'limits' | 'availableMemory'>

export interface Misfit {
  readonly what: string
  /** What would make it fit. */
  readonly remedy: string
}

export interface FitRequest {
  readonly plan: Plan
  readonly device: DeviceFacts
  readonly threads: number
  /** The dims of a run with sequences of this length; those of every run where the plan has a state. */
  readonly sizesFor: (context: number) => DimValues
  readonly context: number
  readonly showBytes: (bytes: number) => string
}

/** The largest number up to `most` for which it holds; 0 for none. It holds for all numbers below one for which it does. */
function largest(most: number, holds: (value: number) => boolean): number {
  let [low, high] = [0, most]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (holds(middle)) low = middle
    else high = middle - 1
  }
  return low
}

/** A remedy where weights in fewer bytes would do; null where they would not. */
function shorterWeights({ plan, showBytes }: FitRequest, memory: MemoryPlan, available: number): string | null {
  const shorter = shortWeights(
    plan,
    plan.buffers.filter(({ role }) => role === 'weight'),
  )
  if (shorter === null) return null
  const peak = peakOf(memory) - Object.values(memory.weights).reduce((sum, one) => sum + one, 0) + shorter.bytes
  if (peak > available) return null
  return `stored as ${shorter.format} the weights take ${showBytes(shorter.bytes)}, and ${showBytes(peak)} are needed at the peak`
}

function requirementProblem({ plan, device }: FitRequest): Misfit | null {
  try {
    checkRequirements(plan, device as Device)
    return null
  } catch (problem) {
    if (problem instanceof LimitError || problem instanceof RuntimeError)
      return { what: problem.message, remedy: 'another device, which smoe doctor lists' }
    throw problem
  }
}

const contextText = (found: number): string =>
  found > 0
    ? `a context of ${found} tokens fits`
    : 'no context is short enough: weights stored in fewer bytes, or a smaller model'

/** Devices give memory in blocks: what a part of the state may take beyond its bytes. */
const BLOCK = 64

/** The longest context of a plan with a state that takes so many bytes less; 0 for none. */
function contextWithin({ state }: Plan, { state: kept }: MemoryPlan, excess: number): number {
  if (state === undefined || kept === null || kept.perToken === 0) return 0
  const fewer = Math.ceil((excess + BLOCK * kept.parts.length) / (kept.perToken * state.sequences))
  return Math.max(0, state.longest - fewer)
}

/** The longest context of a plan with a state whose largest part has so many bytes; 0 where another buffer is larger. */
function bindingContext({ state, weights }: Plan, { largestBinding: { name, bytes } }: MemoryPlan, most: number): number {
  const isKept = weights.some((port) => port.name === name && port.variable?.kind === 'cache')
  return state === undefined || !isKept ? 0 : Math.floor((most / bytes) * state.longest)
}

/** What does not fit; empty where all does. */
export function misfits(request: FitRequest): readonly Misfit[] {
  const { plan, device, threads, sizesFor, context, showBytes } = request
  const { maxStorageBufferBindingSize: most } = device.limits
  const memoryFor = (length: number) => planMemory(plan, sizesFor(length), threads)
  const available = device.availableMemory() ?? Infinity
  // a plan with a state is compiled for its context
  const shorter = (holds: (length: number) => boolean, kept: number): string =>
    contextText(plan.state === undefined ? largest(context, holds) : kept)
  const found: Misfit[] = []
  const requirement = requirementProblem(request)
  if (requirement !== null) found.push(requirement)
  const memory = memoryFor(context)
  const peak = peakOf(memory)
  if (peak > available)
    found.push({
      what: `${showBytes(peak)} are needed at the peak, and ${showBytes(available)} are free`,
      remedy:
        shorterWeights(request, memory, available) ??
        shorter((length) => peakOf(memoryFor(length)) <= available, contextWithin(plan, memory, peak - available)),
    })
  if (memory.largestBinding.bytes > most)
    found.push({
      what: `the buffer ${memory.largestBinding.name} has ${showBytes(memory.largestBinding.bytes)}, and one binding at most ${showBytes(most)}`,
      remedy: shorter((length) => memoryFor(length).largestBinding.bytes <= most, bindingContext(plan, memory, most)),
    })
  return found
}
