/** All that a run needs for given dims: memory of inputs, outputs and scratch, and the bind groups of every step. */

import { dim, evaluate, type DimValues } from '../plan/dim.ts'
import {
  BYTES,
  type Kernel,
  type OutputPort,
  type Plan,
  type Port,
  type Program,
  type Step,
  type StorageType,
} from '../plan/plan.ts'
import { own } from '../plan/table.ts'
import { checkRoom, createParts, createStaging, placeParts, type Part, type Parts } from './buffers.ts'
import { copiesBetween, type Copy } from './copies.ts'
import type { Device } from './device.ts'
import { chooseProgram, showDims } from './dims.ts'
import { LimitError, StateError } from './errors.ts'
import { estimate, persistentBytes, roundUp, slotBytes } from './memory.ts'
import type { CompiledKernel, CompiledKernels } from './pipelines.ts'
import { scoped } from './scopes.ts'
import type { Slots } from './slots.ts'
import { elementCount } from './tensors.ts'

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
  readonly outputs: readonly OutputPort[]
}

/** What frames of a plan stand on. */
export interface Ground {
  readonly device: Device
  readonly plan: Plan
  readonly compiled: CompiledKernels
  /** Weights, constants and what is held. */
  readonly persistent: Parts
  readonly slots: Slots
}

export interface Frame {
  readonly values: DimValues
  readonly program: Program
  readonly inputs: readonly Port[]
  readonly parts: Parts
  readonly steps: readonly ReadyStep[]
  /** Those that are read back. */
  readonly outputs: readonly OutputPlace[]
  /** Made last: into the weights that are replaced. */
  readonly copies: readonly Copy[]
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

async function createDims(device: Device, plan: Plan, values: DimValues, owned: GPUBuffer[]): Promise<GPUBuffer> {
  const words = new Uint32Array(roundUp(plan.dims.length * 4) / 4)
  words.set(plan.dims.map(({ name }) => own(values, name) ?? 0))
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
    const bytes = elementCount(shape) * BYTES[dtype]
    end += roundUp(bytes)
    return { name, dtype, shape, bytes, offset, parts: parts.get(buffer)! }
  })
}

function readySteps(
  device: Device,
  plan: Plan,
  program: Program,
  compiled: CompiledKernels,
  parts: Parts,
  dims: GPUBuffer,
  values: DimValues,
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
    return device.gpu.createBindGroup({
      label: step.label,
      layout,
      entries: [{ binding: 0, resource: { buffer: dims } }, ...storage],
    })
  }
  return program.steps.map((step) => {
    const made = compiled.get(step.kernel)!
    const key = `${step.kernel}:${step.bindings.map(({ buffer, part }) => `${buffer}.${part}`).join()}`
    const bindings = groups.get(key) ?? bind(step, made)
    groups.set(key, bindings)
    const count = Math.max(0, evaluate(dim(step.workgroups), values))
    return {
      step,
      kernel: kernels.get(step.kernel)!,
      pipeline: made.pipeline,
      bindings,
      ...foldWorkgroups(count, max, step.label),
    }
  })
}

async function partsFor(
  { device, plan, persistent }: Ground,
  { program, inputs, outputs }: Task,
  values: DimValues,
  slots: readonly GPUBuffer[],
  owned: GPUBuffer[],
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

/** Makes ready for these dims. Throws a LimitError or an OutOfMemoryError naming the buffer, leaving nothing behind. */
export async function createFrame(ground: Ground, values: DimValues): Promise<Frame> {
  const { device, plan } = ground
  checkRoom(device, `running ${plan.model} with ${showDims(values)}`, estimate(plan, values).total - persistentBytes(plan))
  return createTaskFrame(ground, { program: chooseProgram(plan, values), inputs: plan.inputs, outputs: plan.outputs }, values)
}

/** The same for any program of the plan. */
export async function createTaskFrame(ground: Ground, task: Task, values: DimValues): Promise<Frame> {
  const { device, plan, compiled } = ground
  const { program, inputs } = task
  const owned: GPUBuffer[] = []
  const lease = await ground.slots.take(slotBytes(plan, program, values), `program ${program.name}`)
  const destroy = (): void => {
    owned.splice(0).forEach((buffer) => buffer.destroy())
    lease.release()
  }
  try {
    const parts = await partsFor(ground, task, values, lease.buffers, owned)
    const dims = await createDims(device, plan, values, owned)
    const outputs = outputPlaces(
      task.outputs.filter(({ replaces }) => replaces === undefined),
      parts,
      values,
    )
    const staging = await createStaging(device, 'outputs', roundUp(outputs.reduce((sum, { bytes }) => sum + roundUp(bytes), 0)))
    owned.push(staging)
    const steps = await scoped(device, `the steps of program ${program.name}`, () =>
      readySteps(device, plan, program, compiled, parts, dims, values),
    )
    const copies = (program.copies ?? []).flatMap(({ from, to }) => copiesBetween(parts.get(from)!, parts.get(to)!))
    return { values, program, inputs, parts, steps, outputs, copies, staging, destroy }
  } catch (error) {
    destroy()
    throw error
  }
}
