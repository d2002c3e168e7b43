/** All that a run needs for given dims: memory of inputs, outputs and scratch, and the bind groups of every step. */

import { dim, evaluate, type DimValues } from '../plan/dim.ts'
import type { Kernel, Plan, Port, Program, Step, StorageType } from '../plan/plan.ts'
import { checkRoom, createParts, createStaging, createStorage, placeParts, settle, type Part } from './buffers.ts'
import type { Device } from './device.ts'
import { chooseProgram, showDims } from './dims.ts'
import { LimitError, StateError } from './errors.ts'
import { BYTES_PER_ELEMENT, estimate, persistentBytes, roundUp, slotBytes } from './memory.ts'
import type { CompiledKernel, CompiledKernels } from './pipelines.ts'
import { scoped } from './scopes.ts'
import { elementCount } from './tensors.ts'

export type Parts = ReadonlyMap<number, readonly Part[]>

export interface ReadyStep {
  readonly step: Step
  readonly kernel: Kernel
  readonly pipeline: GPUComputePipeline
  readonly bindings: GPUBindGroup
  readonly x: number
  readonly y: number
}

export interface OutputPlace {
  readonly name: string
  readonly dtype: StorageType
  readonly shape: readonly number[]
  readonly bytes: number
  /** Where it begins in the staging buffer. */
  readonly offset: number
  readonly parts: readonly Part[]
}

/** A program with what is given to it and what is read back. */
export interface Task {
  readonly program: Program
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]
}

export interface Frame {
  readonly values: DimValues
  readonly program: Program
  readonly inputs: readonly Port[]
  readonly parts: Parts
  readonly steps: readonly ReadyStep[]
  readonly outputs: readonly OutputPlace[]
  readonly staging: GPUBuffer
  readonly destroy: () => void
}

/** Workgroups of a step in two dimensions where one does not hold them; the kernel counts them again and guards the rest. */
export function foldWorkgroups(count: number, max: number, label: string): { readonly x: number; readonly y: number } {
  const x = Math.min(count, max)
  const y = x === 0 ? 0 : Math.ceil(count / x)
  if (y > max) throw new LimitError(`step ${label}`, 'maxComputeWorkgroupsPerDimension squared', count, max * max)
  return { x, y }
}

async function createSlots(
  device: Device, plan: Plan, program: Program, values: DimValues, owned: GPUBuffer[],
): Promise<readonly GPUBuffer[]> {
  const slots = slotBytes(plan, program, values).map(async (bytes, at) => {
    const buffer = await createStorage(device, `scratch slot ${at} of program ${program.name}`, bytes)
    owned.push(buffer)
    return buffer
  })
  return settle(slots)
}

async function createDims(device: Device, plan: Plan, values: DimValues, owned: GPUBuffer[]): Promise<GPUBuffer> {
  const words = new Uint32Array(roundUp(plan.dims.length * 4) / 4)
  words.set(plan.dims.map(({ name }) => values[name] ?? 0))
  const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST
  const buffer = await scoped(device, 'dims', () => device.gpu.createBuffer({ label: 'dims', size: words.byteLength, usage }))
  owned.push(buffer)
  device.gpu.queue.writeBuffer(buffer, 0, words)
  return buffer
}

function outputPlaces(ports: readonly Port[], parts: Parts, values: DimValues): readonly OutputPlace[] {
  let end = 0
  return ports.map(({ name, dtype, shape: sizes, buffer }) => {
    const shape = sizes.map((size) => evaluate(size, values))
    const offset = end
    const bytes = elementCount(shape) * BYTES_PER_ELEMENT
    end += roundUp(bytes)
    return { name, dtype, shape, bytes, offset, parts: parts.get(buffer)! }
  })
}

function readySteps(
  device: Device, plan: Plan, program: Program, compiled: CompiledKernels, parts: Parts, dims: GPUBuffer, values: DimValues,
): readonly ReadyStep[] {
  const kernels = new Map(plan.kernels.map((kernel) => [kernel.id, kernel]))
  const groups = new Map<string, GPUBindGroup>()
  const max = device.gpu.limits.maxComputeWorkgroupsPerDimension
  const resource = ({ buffer, part }: Step['bindings'][number]): GPUBufferBinding => {
    const place = parts.get(buffer)?.[part]
    if (place === undefined) throw new StateError(`buffer ${buffer} part ${part} of program ${program.name} has no memory`)
    return { buffer: place.buffer, offset: place.offset, size: place.size }
  }
  const bind = (step: Step, { layout }: CompiledKernel): GPUBindGroup => {
    const storage = step.bindings.map((binding, at) => ({ binding: at + 1, resource: resource(binding) }))
    return device.gpu.createBindGroup({ label: step.label, layout, entries: [{ binding: 0, resource: { buffer: dims } }, ...storage] })
  }
  return program.steps.map((step) => {
    const made = compiled.get(step.kernel)!
    const key = `${step.kernel}:${step.bindings.map(({ buffer, part }) => `${buffer}.${part}`).join()}`
    const bindings = groups.get(key) ?? bind(step, made)
    groups.set(key, bindings)
    const count = Math.max(0, evaluate(dim(step.workgroups), values))
    return { step, kernel: kernels.get(step.kernel)!, pipeline: made.pipeline, bindings, ...foldWorkgroups(count, max, step.label) }
  })
}

async function partsFor(
  device: Device, plan: Plan, { program, inputs, outputs }: Task, values: DimValues, persistent: Parts, owned: GPUBuffer[],
): Promise<Parts> {
  const parts = new Map(persistent)
  const slots = await createSlots(device, plan, program, values, owned)
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

/** Makes ready for these dims. Throws a LimitError or an OutOfMemoryError naming the buffer, leaving nothing behind. */
export async function createFrame(
  device: Device, plan: Plan, compiled: CompiledKernels, values: DimValues, persistent: Parts,
): Promise<Frame> {
  checkRoom(device, `running ${plan.model} with ${showDims(values)}`, estimate(plan, values).total - persistentBytes(plan))
  return createTaskFrame(device, plan, { program: chooseProgram(plan, values), inputs: plan.inputs, outputs: plan.outputs }, compiled, values, persistent)
}

/** The same for any program of the plan. */
export async function createTaskFrame(
  device: Device, plan: Plan, task: Task, compiled: CompiledKernels, values: DimValues, persistent: Parts,
): Promise<Frame> {
  const { program, inputs } = task
  const owned: GPUBuffer[] = []
  const destroy = (): void => owned.splice(0).forEach((buffer) => buffer.destroy())
  try {
    const parts = await partsFor(device, plan, task, values, persistent, owned)
    const dims = await createDims(device, plan, values, owned)
    const outputs = outputPlaces(task.outputs, parts, values)
    const staging = await createStaging(device, 'outputs', roundUp(outputs.reduce((sum, { bytes }) => sum + roundUp(bytes), 0)))
    owned.push(staging)
    const steps = await scoped(device, `the steps of program ${program.name}`, () =>
      readySteps(device, plan, program, compiled, parts, dims, values))
    return { values, program, inputs, parts, steps, outputs, staging, destroy }
  } catch (error) {
    destroy()
    throw error
  }
}
