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
  /** The dims of a run with sequences of this length. */
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

/** What does not fit; empty where all does. */
export function misfits(request: FitRequest): readonly Misfit[] {
  const { plan, device, threads, sizesFor, context, showBytes } = request
  const { maxStorageBufferBindingSize: most } = device.limits
  const memoryFor = (length: number) => planMemory(plan, sizesFor(length), threads)
  const available = device.availableMemory() ?? Infinity
  const shorter = (holds: (length: number) => boolean): string => {
    const found = largest(context, holds)
    return found > 0
      ? `a context of ${found} tokens fits`
      : 'no context is short enough: weights stored in fewer bytes, or a smaller model'
  }
  const found: Misfit[] = []
  const requirement = requirementProblem(request)
  if (requirement !== null) found.push(requirement)
  const memory = memoryFor(context)
  const peak = peakOf(memory)
  if (peak > available)
    found.push({
      what: `${showBytes(peak)} are needed at the peak, and ${showBytes(available)} are free`,
      remedy: shorterWeights(request, memory, available) ?? shorter((length) => peakOf(memoryFor(length)) <= available),
    })
  if (memory.largestBinding.bytes > most)
    found.push({
      what: `the buffer ${memory.largestBinding.name} has ${showBytes(memory.largestBinding.bytes)}, and one binding at most ${showBytes(most)}`,
      remedy: shorter((length) => memoryFor(length).largestBinding.bytes <= most),
    })
  return found
}
