/**
 * Kernels one by one: each computes what the graph says of the values that it reads, on the host in f64 and on a device in f32.
 */
import type { Graph, Node } from '../../compiler/graph/node.ts'
import { isState, liveNodes, stateIn, stateNameOf } from '../../compiler/graph/walk.ts'
import { evaluateKernels, type Memory } from '../../compiler/kernel/ir/evaluate.ts'
import type { KernelProgram } from '../../compiler/kernel/ir/kernel.ts'
import type { Schedule } from '../../compiler/kernel/schedule.ts'
import { bindDims } from '../../compiler/reference/bind.ts'
import { evaluateBounded, exactly, type Bounded } from '../../compiler/reference/error-bounds.ts'
import { evaluateNodes, surround } from '../../compiler/reference/evaluate.ts'
import { F32, F64, type Precision } from '../../compiler/reference/precision.ts'
import { hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import { evaluate as sizeOf, type DimValues } from '../../plan/dim.ts'
import type { Plan, Program, StorageType } from '../../plan/plan.ts'
import type { DispatchRunner } from '../../runtime/single-dispatch.ts'
import type { HostArray } from '../../runtime/tensors.ts'
import { plural } from '../output.ts'
import { compare, NOTHING, together, type Comparison } from './compare.ts'
import type { Feeds } from '../../compiler/reference/evaluate.ts'
import type { Finding, KernelPlace, Stage } from './stage.ts'

/** One program of a plan with the kernels that its steps dispatch. */
export interface Scheduled {
  readonly graph: Graph
  readonly schedule: Schedule
  readonly plan: Plan
  readonly program: Program
}

/** A buffer that a kernel writes, and the node whose values it gets: a weight gets those of the output that replaces it. */
interface Written {
  readonly buffer: Node
  readonly node: Node
}

function writtenBy(kernel: KernelProgram, { graph, schedule }: Scheduled): readonly Written[] {
  const replacing = (weight: string): Node | undefined =>
    graph.outputs
      .filter(({ replaces }) => replaces === weight)
      .map(({ name }) => schedule.inPlace.get(name))
      .find((node) => node !== undefined)
  return kernel.buffers.flatMap(({ node, access }) => {
    if (access !== 'read_write') return []
    return [{ buffer: node, node: isState(node) ? (replacing(stateNameOf(node)) ?? node) : node }]
  })
}

/** Leaves whose values stand in buffers. */
const isStored = (node: Node): boolean =>
  node.op === 'input' || isState(node) || node.op === 'load_time_constant' || (node.op === 'constant' && node.shape.length > 0)

const tensorLike = (node: Node, values: Float64Array, dims: DimValues): HostTensor =>
  hostTensor(
    node.shape.map((size) => sizeOf(size, dims)),
    node.dtype,
    values,
  )

const placeOf = (at: number, { schedule, plan, program }: Scheduled): KernelPlace => ({
  program: program.name,
  number: at + 1,
  count: schedule.kernels.length,
  kernel: schedule.kernels[at],
  emitted: plan.kernels.find(({ id }) => id === program.steps[at].kernel)!,
})

function findingOf(
  where: string,
  at: number,
  scheduled: Scheduled,
  results: readonly (readonly [Node, Comparison])[],
): Finding | null {
  const wrong = results.find(([, { mismatch }]) => mismatch !== null)
  if (wrong === undefined) return null
  const [node, { mismatch }] = wrong
  const kernel = placeOf(at, scheduled)
  return {
    message: `kernel ${kernel.number} of program ${kernel.program} computes something else than its graph, ${where}`,
    mismatch: mismatch!,
    value: `%${node.id} ${node.op}`,
    node,
    kernel,
  }
}

/** The node of an output that a weight is written in place for, by the weight. */
function placesOf({ graph, schedule }: Scheduled, leaves: readonly Node[]): ReadonlyMap<Node, Node> {
  const weights = stateIn(leaves)
  return new Map(
    graph.outputs.flatMap(({ name, replaces = '' }) => {
      const [stored, weight] = [schedule.inPlace.get(name), weights.get(replaces)]
      return stored === undefined || weight === undefined ? [] : [[stored, weight] as const]
    }),
  )
}

/**
 * Runs the kernels in their order, each on what the earlier ones have left, and compares each with the graph; ends with the first
 * that differs. Calls `onDone` after each kernel.
 */
export function compareOnHost(scheduled: Scheduled, feeds: Feeds, onDone: () => void): Stage {
  const { graph, schedule, program } = scheduled
  const dims = bindDims(graph, feeds.inputs)
  const surroundings = surround(graph, feeds)
  const leaves = liveNodes(graph).filter(isStored)
  const known = new Map([...evaluateNodes(graph, leaves, feeds)].map(([node, value]) => [node, exactly(value)]))
  const memory: Memory = new Map([...known].map(([node, { value }]) => [node, value.values.slice()]))
  const places = placesOf(scheduled, leaves)
  let [comparison, finding]: [Comparison, Finding | null] = [NOTHING, null]
  for (const [at, kernel] of schedule.kernels.entries()) {
    evaluateKernels([kernel], memory, dims, places)
    const results = writtenBy(kernel, scheduled).map(({ buffer, node }) => {
      const want = evaluateBounded([node], known, surroundings, F64).get(node)!
      const got = memory.get(buffer)!
      known.set(node, exactly(tensorLike(node, got.slice(), dims)))
      // the kernel and the reference are each off by the error at most
      return [node, compare(got, want, F64, 2)] as const
    })
    comparison = together([comparison, ...results.map(([, one]) => one)])
    finding = findingOf('on the host in f64', at, scheduled, results)
    onDone()
    if (finding !== null) break
  }
  return {
    name: `kernels of program ${program.name} on the host`,
    compared: plural(schedule.kernels.length, 'kernel'),
    comparison,
    finding,
  }
}

// ---- on a device

const ARRAYS = { f32: Float32Array, f16: Float32Array, i32: Int32Array, u32: Uint32Array } as const

/** A buffer that a kernel only writes begins as NaN, so that an element that it leaves out shows. */
function unwritten(dtype: StorageType, length: number): HostArray {
  return dtype === 'f32' || dtype === 'f16' ? new Float32Array(length).fill(NaN) : new ARRAYS[dtype](length).fill(0x7fc00000)
}

interface BoundBuffer {
  readonly id: number
  readonly node: Node
  readonly dtype: StorageType
}

/** The plan's buffer behind each buffer of a kernel; one in parts is bound several times. */
function buffersOf(at: number, { schedule, plan, program }: Scheduled): readonly BoundBuffer[] {
  const whole = program.steps[at].bindings.filter(({ part }) => part === 0)
  return schedule.kernels[at].buffers.map(({ node }, slot) => {
    const { id, dtype } = plan.buffers.find((buffer) => buffer.id === whole[slot].buffer)!
    return { id, node, dtype }
  })
}

/** Kernels as they ran on a device. */
export interface DeviceKernels {
  readonly stage: Stage
  /** Buffer of the plan -> what it holds after all kernels and copies. */
  readonly contents: ReadonlyMap<number, HostArray>
}

/** The values that a buffer of a leaf begins with; null where a kernel makes them. */
function beginningOf({ node, dtype }: BoundBuffer, leaves: ReadonlyMap<Node, HostTensor>): HostArray | null {
  const value = leaves.get(node)
  return value === undefined ? null : ARRAYS[dtype].from(value.values)
}

/**
 * Runs the kernels one by one, each on what the device has left in its buffers, and compares each with the graph on these very
 * values; ends with the first that differs. Calls `onDone` after each kernel.
 */
export async function compareOnDevice(
  scheduled: Scheduled,
  feeds: Feeds,
  runner: DispatchRunner,
  device: string,
  onDone: () => void,
): Promise<DeviceKernels> {
  const { graph, schedule, program } = scheduled
  const dims = bindDims(graph, feeds.inputs)
  const surroundings = surround(graph, feeds)
  const leaves = evaluateNodes(graph, liveNodes(graph).filter(isStored), feeds)
  const known = new Map([...leaves].map(([node, value]) => [node, exactly(value)]))
  const contents = new Map<number, HostArray>()
  let [comparison, finding]: [Comparison, Finding | null] = [NOTHING, null]
  for (const [at, kernel] of schedule.kernels.entries()) {
    const before = new Map(
      buffersOf(at, scheduled).map((bound) => {
        const values = contents.get(bound.id) ?? beginningOf(bound, leaves)
        return [bound.id, values ?? unwritten(bound.dtype, sizeOfNode(bound.node, dims))] as const
      }),
    )
    const after = await runner.run(program, at, dims, before)
    for (const [id, values] of after) contents.set(id, values)
    const results = writtenBy(kernel, scheduled).map(({ buffer, node }) => {
      const want = evaluateBounded([node], known, surroundings, F32).get(node)!
      const got = after.get(idOf(buffer, at, scheduled))!
      known.set(node, exactly(tensorLike(node, Float64Array.from(got), dims)))
      return [node, compare(got, rounded(want, F32), F32)] as const
    })
    comparison = together([comparison, ...results.map(([, one]) => one)])
    finding = findingOf(`on ${device}`, at, scheduled, results)
    onDone()
    if (finding !== null) break
  }
  for (const { from, to } of program.copies ?? []) if (contents.has(from)) contents.set(to, contents.get(from)!)
  return {
    contents,
    stage: {
      name: `kernels of program ${program.name} on ${device}`,
      compared: plural(schedule.kernels.length, 'kernel'),
      comparison,
      finding,
    },
  }
}

const idOf = (buffer: Node, at: number, scheduled: Scheduled): number =>
  buffersOf(at, scheduled).find(({ node }) => node === buffer)!.id

const sizeOfNode = (node: Node, dims: DimValues): number => node.shape.reduce((all, size) => all * sizeOf(size, dims), 1)

const finite = (x: number): number => (Number.isFinite(x) ? x : 0)

/** The errors of a value that is stored in f32. */
const rounded = ({ value, error }: Bounded, { roundoff }: Precision): Bounded => ({
  value,
  error: value.dtype === 'f32' ? error.map((e, i) => e + roundoff * Math.abs(finite(value.values[i]))) : error,
})
