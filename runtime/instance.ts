/** An execution instance: a program with the buffers and bind groups for one assignment of its dims. */

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
import { checkAvailableMemory, createParts, createStaging, placeParts, type Part, type Parts } from './buffers.ts'
import { copiesBetween, type Copy } from './copies.ts'
import type { Device } from './device.ts'
import { chooseProgram, showDims } from './dims.ts'
import { LimitError, StateError } from './errors.ts'
import { estimate, persistentBytes, roundUp, slotBytes } from './memory.ts'
import type { CompiledKernel, CompiledKernels } from './pipelines.ts'
import { withErrorScopes } from './scopes.ts'
import type { Slots } from './slots.ts'
import { elementCount } from './tensors.ts'

export interface BoundDispatch {
  readonly dispatch: Step
  readonly kernel: Kernel
  readonly pipeline: GPUComputePipeline
  readonly bindings: GPUBindGroup
  /** Workgroups along x and y. */
  readonly x: number
  readonly y: number
}

export interface StagedOutput {
  readonly name: string
  readonly dtype: StorageType
  readonly shape: readonly number[]
  readonly bytes: number
  /** Offset in the staging buffer, in bytes. */
  readonly offset: number
  readonly parts: readonly Part[]
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
  readonly values: DimValues
  readonly program: Program
  readonly inputs: readonly Port[]
  readonly parts: Parts
  readonly dispatches: readonly BoundDispatch[]
  /** The outputs that are read back. */
  readonly outputs: readonly StagedOutput[]
  /** Copies into persistent weights, kernel after all dispatches. */
  readonly copies: readonly Copy[]
  readonly staging: GPUBuffer
  readonly destroy: () => void
}

/** Splits a workgroup count into two dimensions if it exceeds one; kernels flatten the index again and guard the excess. */
export function foldWorkgroups(count: number, max: number, label: string): { readonly x: number; readonly y: number } {
  const x = Math.min(count, max)
  const y = x === 0 ? 0 : Math.ceil(count / x)
  if (y > max) throw new LimitError(`dispatch ${label}`, 'maxComputeWorkgroupsPerDimension squared', count, max * max)
  return { x, y }
}

async function createDimsBuffer(device: Device, plan: Plan, values: DimValues, owned: GPUBuffer[]): Promise<GPUBuffer> {
  const sizes = new Uint32Array(roundUp(plan.dims.length * 4) / 4)
  sizes.set(plan.dims.map(({ name }) => own(values, name) ?? 0))
  const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST
  const buffer = await withErrorScopes(device, 'dims', () =>
    device.gpu.createBuffer({ label: 'dims', size: sizes.byteLength, usage }),
  )
  owned.push(buffer)
  device.gpu.queue.writeBuffer(buffer, 0, sizes)
  return buffer
}

function stageOutputs(ports: readonly Port[], parts: Parts, values: DimValues): readonly StagedOutput[] {
  let end = 0
  return ports.map(({ name, dtype, shape: sizes, buffer }) => {
    const shape = sizes.map((size) => evaluate(size, values))
    const offset = end
    const bytes = elementCount(shape) * BYTES[dtype]
    end += roundUp(bytes)
    return { name, dtype, shape, bytes, offset, parts: parts.get(buffer)! }
  })
}

function bindDispatches(
  device: Device,
  plan: Plan,
  program: Program,
  compiled: CompiledKernels,
  parts: Parts,
  dims: GPUBuffer,
  values: DimValues,
): readonly BoundDispatch[] {
  const kernels = new Map(plan.kernels.map((kernel) => [kernel.id, kernel]))
  const groups = new Map<string, GPUBindGroup>()
  const max = device.gpu.limits.maxComputeWorkgroupsPerDimension
  const resource = ({ buffer, part }: Step['bindings'][number]): GPUBufferBinding => {
    const place = parts.get(buffer)?.[part]
    if (place === undefined) throw new StateError(`buffer ${buffer} part ${part} of program ${program.name} has no memory`)
    return { buffer: place.buffer, offset: place.offset, size: place.size }
  }
  const bind = (dispatch: Step, { layout }: CompiledKernel): GPUBindGroup => {
    const storage = dispatch.bindings.map((binding, at) => ({ binding: at + 1, resource: resource(binding) }))
    return device.gpu.createBindGroup({
      label: dispatch.label,
      layout,
      entries: [{ binding: 0, resource: { buffer: dims } }, ...storage],
    })
  }
  return program.steps.map((dispatch) => {
    const kernel = compiled.get(dispatch.kernel)!
    const key = `${dispatch.kernel}:${dispatch.bindings.map(({ buffer, part }) => `${buffer}.${part}`).join()}`
    const bindings = groups.get(key) ?? bind(dispatch, kernel)
    groups.set(key, bindings)
    const count = Math.max(0, evaluate(dim(dispatch.workgroups), values))
    return {
      dispatch,
      kernel: kernels.get(dispatch.kernel)!,
      pipeline: kernel.pipeline,
      bindings,
      ...foldWorkgroups(count, max, dispatch.label),
    }
  })
}

async function allocateParts(
  { device, plan, persistent }: SharedResources,
  { program, inputs, outputs }: ProgramInvocation,
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
  const owned: GPUBuffer[] = []
  const lease = await resources.slots.take(slotBytes(plan, program, values), `program ${program.name}`)
  const destroy = (): void => {
    owned.splice(0).forEach((buffer) => buffer.destroy())
    lease.release()
  }
  try {
    const parts = await allocateParts(resources, invocation, values, lease.buffers, owned)
    const dims = await createDimsBuffer(device, plan, values, owned)
    const outputs = stageOutputs(
      invocation.outputs.filter(({ replaces }) => replaces === undefined),
      parts,
      values,
    )
    const staging = await createStaging(device, 'outputs', roundUp(outputs.reduce((sum, { bytes }) => sum + roundUp(bytes), 0)))
    owned.push(staging)
    const steps = await withErrorScopes(device, `the bind groups of program ${program.name}`, () =>
      bindDispatches(device, plan, program, compiled, parts, dims, values),
    )
    const copies = (program.copies ?? []).flatMap(({ from, to }) => copiesBetween(parts.get(from)!, parts.get(to)!))
    return { values, program, inputs, parts, dispatches: steps, outputs, copies, staging, destroy }
  } catch (error) {
    destroy()
    throw error
  }
}
