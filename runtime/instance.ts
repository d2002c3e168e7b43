/** An execution instance: a program bound to buffers for one assignment of its dims. */

import { dim, evaluate, type DimValues } from '../plan/dim.ts'
import { elementBytes, type OutputPort, type Plan, type Port, type Program, type Step, type StorageType } from '../plan/plan.ts'
import type { WeightStorage } from '../plan/storage/formats.ts'
import { own } from '../plan/table.ts'
import { checkAvailableMemory, createParts, placeParts, type Parts } from './buffers.ts'
import { copiesBetween } from './copies.ts'
import type { BoundProgram, Device, DeviceBuffer, Dispatch, Part, Region } from './device.ts'
import { chooseProgram, showDims } from './dims.ts'
import { StateError } from './errors.ts'
import { estimate, persistentBytes, slotBytes } from './memory.ts'
import type { CompiledKernels } from './kernel-cache.ts'
import { regionsOf } from './read.ts'
import type { Slots } from './slots.ts'
import { elementCount } from './tensors.ts'

export interface OutputLayout {
  readonly name: string
  readonly dtype: StorageType
  /** That of the weight which the output is. */
  readonly storage?: WeightStorage
  readonly shape: readonly number[]
}

/** A program to run, with its inputs and the outputs that are read back. */
export interface ProgramInvocation {
  readonly program: Program
  readonly inputs: readonly Port[]
  readonly outputs: readonly OutputPort[]
}

/** What all execution instances of a session share. */
export interface SharedResources {
  readonly device: Device
  readonly plan: Plan
  readonly compiled: CompiledKernels
  /** Buffers of weights, constants and load-time constants. */
  readonly persistent: Parts
  /** Scratch memory. */
  readonly slots: Slots
}

export interface ExecutionInstance {
  readonly device: Device
  readonly values: DimValues
  readonly program: Program
  readonly inputs: readonly Port[]
  readonly parts: Parts
  readonly dispatches: readonly Dispatch[]
  /** The outputs that are read back. */
  readonly outputs: readonly OutputLayout[]
  readonly bound: BoundProgram
  readonly destroy: () => void
}

const layoutOf = ({ buffers }: Plan, { name, dtype, shape, buffer }: Port, values: DimValues): OutputLayout => ({
  name,
  dtype,
  storage: buffers.find(({ id }) => id === buffer)?.storage,
  shape: shape.map((size) => evaluate(size, values)),
})

/** The elements of an output, which may be fewer than its buffer has room for. */
function outputRegions({ dtype, storage, shape }: OutputLayout, parts: readonly Part[]): readonly Region[] {
  let left = elementBytes(dtype, storage, elementCount(shape))
  return regionsOf(parts).map((region) => {
    const bytes = Math.min(left, region.bytes)
    left -= bytes
    return { ...region, bytes }
  })
}

function dispatchesOf(program: Program, compiled: CompiledKernels, parts: Parts, values: DimValues): readonly Dispatch[] {
  const place = ({ buffer, part }: Step['bindings'][number]): Part => {
    const found = parts.get(buffer)?.[part]
    if (found === undefined) throw new StateError(`buffer ${buffer} part ${part} of program ${program.name} has no memory`)
    return found
  }
  return program.steps.map(({ kernel, bindings, workgroups, label }) => ({
    label,
    compiled: compiled.get(kernel)!,
    bindings: bindings.map(place),
    workgroups: Math.max(0, evaluate(dim(workgroups), values)),
  }))
}

async function allocateParts(
  { device, plan, persistent }: SharedResources,
  { program, inputs, outputs }: ProgramInvocation,
  values: DimValues,
  slots: readonly DeviceBuffer[],
  owned: DeviceBuffer[],
): Promise<Parts> {
  const parts = new Map(persistent)
  const slotOf = new Map(program.placement.map(({ buffer, slot }) => [buffer, slot]))
  const ports = new Set([...inputs, ...outputs].map(({ buffer }) => buffer))
  for (const buffer of plan.buffers) {
    if (parts.has(buffer.id)) continue
    const slot = slotOf.get(buffer.id)
    if (slot !== undefined) parts.set(buffer.id, placeParts(device, buffer, slots[slot], values))
    else if (ports.has(buffer.id)) parts.set(buffer.id, await createParts(device, buffer, values, owned))
  }
  return parts
}

/**
 * Creates an instance of the program for these dims. Throws a LimitError or an OutOfMemoryError with the buffer, and frees what
 * it allocated.
 */
export async function createInstance(resources: SharedResources, values: DimValues): Promise<ExecutionInstance> {
  const { device, plan } = resources
  checkAvailableMemory(
    device,
    `running ${plan.model} with ${showDims(values)}`,
    estimate(plan, values).total - persistentBytes(plan),
  )
  return instantiate(resources, { program: chooseProgram(plan, values), inputs: plan.inputs, outputs: plan.outputs }, values)
}

/** Creates an instance of any program of the plan. Throws as `createInstance`. */
export async function instantiate(
  resources: SharedResources,
  invocation: ProgramInvocation,
  values: DimValues,
): Promise<ExecutionInstance> {
  const { device, plan, compiled } = resources
  const { program, inputs } = invocation
  const owned: DeviceBuffer[] = []
  const lease = await resources.slots.take(slotBytes(plan, program, values), `program ${program.name}`)
  const destroy = (): void => {
    owned.splice(0).forEach((buffer) => buffer.destroy())
    lease.release()
  }
  try {
    const parts = await allocateParts(resources, invocation, values, lease.buffers, owned)
    const outputs = invocation.outputs.filter(({ replaces }) => replaces === undefined)
    const layouts = outputs.map((port) => layoutOf(plan, port, values))
    const dispatches = dispatchesOf(program, compiled, parts, values)
    const bound = await device.bind({
      label: program.name,
      dims: plan.dims.map(({ name }) => own(values, name) ?? 0),
      dispatches,
      outputs: layouts.map((layout, at) => outputRegions(layout, parts.get(outputs[at].buffer)!)),
      copies: (program.copies ?? []).flatMap(({ from, to }) => copiesBetween(parts.get(from)!, parts.get(to)!)),
    })
    owned.push(bound)
    return { device, values, program, inputs, parts, dispatches, outputs: layouts, bound, destroy }
  } catch (error) {
    destroy()
    throw error
  }
}
