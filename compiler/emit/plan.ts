/** Emits the plan of all programs: weights and ports shared, kernels of equal code once, scratch assigned by liveness. */
import { dim, product, subtract, type Dim } from '../../plan/dim.ts'
import { isVariableRole, variableName, type VariableRole } from '../../plan/output-role.ts'
import {
  elementBytes,
  kernelCode,
  PLAN_VERSION,
  type Bound,
  type BufferCopy,
  type ConstantData,
  type InputPort,
  type Kernel,
  type OutputPort,
  type Plan,
  type PlanBuffer,
  type Port,
  type Program,
  type Step,
  type StorageType,
  type WeightPort,
} from '../../plan/plan.ts'
import type { Target } from '../../plan/target.ts'
import type { Graph, Node, Output } from '../graph/node.ts'
import type { Variant } from '../kernel/scope/context.ts'
import type { Schedule } from '../kernel/schedule.ts'
import { liveNodes, stateIn } from '../graph/walk.ts'
import { weightStorage } from '../graph/weight-storage.ts'
import { memoryOf } from '../kernel/scope/memory-of.ts'
import { partsOf } from '../kernel/parts.ts'
import type { EmittedKernel } from '../kernel/emitted.ts'
import { createEmitter } from './emitter.ts'
import { assignSlots, type LiveRange } from './memory.ts'
import { signatureOf } from './signature.ts'
import { plainStorage, storageOf } from './storage.ts'

export interface ScheduledProgram {
  /** `once` computes the load-time constants, which are its outputs. */
  readonly kind: 'once' | 'run'
  readonly name: string
  readonly variant: Variant
  readonly when: Program['when']
  readonly graph: Graph
  readonly schedule: Schedule
}

export function emitPlan(graph: Graph, programs: readonly ScheduledProgram[], target: Target): Plan {
  return new PlanBuilder(graph, target).make(programs)
}

/** The steps during which a scratch buffer is live. */
interface LiveSteps {
  readonly elements: Dim
  readonly from: number
  to: number
}

/** An output, the buffer that the steps leave its values in, and the buffer where they belong. */
interface OutputPlacement {
  readonly output: Output
  readonly source: number
  readonly buffer: number
}

/** Its identity is the plan under construction. */
class PlanBuilder {
  readonly buffers: PlanBuffer[] = []
  readonly weights = new Map<string, WeightPort>()
  readonly held: Port[] = []
  readonly constants: ConstantData[] = []
  readonly shared = new Map<string, number>()
  readonly kernels: Kernel[] = []
  readonly kernelIds = new Map<string, number>()
  workgroupBytes = 0
  readonly features = new Set<string>()

  readonly graph: Graph
  readonly target: Target
  /** The weights and variables of the graph, by name. */
  readonly state: ReadonlyMap<string, Node>
  readonly emit: ReturnType<typeof createEmitter>

  constructor(graph: Graph, target: Target) {
    this.graph = graph
    this.target = target
    this.state = stateIn(liveNodes(graph))
    this.emit = createEmitter(
      target,
      graph.dims.map(({ name }) => name),
    )
  }

  make(scheduled: readonly ScheduledProgram[]): Plan {
    const { graph, target } = this
    const signature = signatureOf(graph)
    const inputs = signature.inputs.map(({ name, dtype, shape, ...facts }, at): InputPort => ({
      name,
      dtype,
      shape,
      buffer: this.bufferFor(graph.inputs[at], null),
      ...facts,
    }))
    const programs: Program[] = []
    let once: Program | null = null
    let outputs: readonly OutputPort[] = []
    for (const program of scheduled) {
      const made = this.program(program)
      if (program.kind === 'once') {
        once = made.program
        continue
      }
      programs.push(made.program)
      outputs = made.outputs
    }
    const { bounds, program: last } = withoutCondition(programs[programs.length - 1], signature.bounds ?? [])
    const bindings = this.kernels.map((kernel) => kernel.bindings.length)
    const usesSubgroups = this.kernels.some((kernel) => 'wgsl' in kernel && kernel.needsSubgroups)
    return {
      version: PLAN_VERSION,
      target: target.runs,
      model: signature.model,
      doc: graph.doc,
      dims: signature.dims,
      ...(bounds.length === 0 ? {} : { bounds }),
      inputs,
      outputs,
      weights: [...this.weights.values()],
      constants: this.constants,
      held: this.held,
      ...(graph.state === undefined ? {} : { state: graph.state }),
      buffers: this.buffers,
      kernels: this.kernels,
      once,
      programs: [...programs.slice(0, -1), last],
      requires: {
        features: [...(usesSubgroups ? ['subgroups'] : []), ...this.features],
        maxStorageBuffersPerShaderStage: Math.max(0, ...bindings),
        maxComputeInvocationsPerWorkgroup: Math.max(
          1,
          ...this.kernels.map((kernel) => kernel.workgroupSize.reduce((a, b) => a * b)),
        ),
        maxComputeWorkgroupStorageSize: this.workgroupBytes,
        maxStorageBufferBindingSize: this.largestBinding(),
        subgroupSize: usesSubgroups ? target.subgroupSize : null,
      },
    }
  }

  largestBinding(): number {
    const known = this.buffers.map(({ elements, partElements, dtype, storage }) =>
      elementBytes(dtype, storage, partElements !== null ? partElements : /^\d+$/.test(elements) ? Number(elements) : 0),
    )
    return Math.max(0, ...known)
  }

  /** The buffer of a leaf, one for all programs; `scratch` has the buffers of a program's own nodes. */
  bufferFor(node: Node, scratch: Map<Node, number> | null): number {
    switch (node.op) {
      case 'input':
        return this.sharedBuffer(`input ${node.params.name}`, node.params.name, 'input', node)
      case 'weight':
        return this.weightBuffer(node)
      case 'variable':
        return this.variableBuffer(node.params.role, node)
      case 'load_time_constant':
        return this.sharedBuffer(heldKey(node.params.name), node.params.name, 'held', node)
      case 'constant':
        // an output without axes is written by a kernel
        return scratch?.get(node) ?? this.constantBuffer(node)
      default: {
        const known = scratch?.get(node)
        if (known === undefined) throw new Error(`${node.op} %${node.id} has no buffer`)
        return known
      }
    }
  }

  sharedBuffer(key: string, name: string, role: PlanBuffer['role'], node: Node): number {
    const known = this.shared.get(key)
    if (known !== undefined) return known
    const id = this.addBuffer(name, role, node, role === 'output' ? plainStorage(node) : storageOf(node))
    this.shared.set(key, id)
    return id
  }

  addBuffer(name: string, role: PlanBuffer['role'], node: Node, dtype: StorageType = storageOf(node)): number {
    const id = this.buffers.length
    const { parts, partElements } = partsOf(node, this.target)
    const storage = role === 'weight' ? weightStorage(node) : {}
    this.buffers.push({ id, name, role, dtype, ...storage, elements: product(node.shape).key, partElements, parts })
    return id
  }

  weightBuffer(node: Node & { op: 'weight' }): number {
    const { name, source, doc } = node.params
    const key = `weight ${name} ${JSON.stringify(source)}`
    const known = this.shared.get(key)
    if (known !== undefined) return known
    const id = this.sharedBuffer(key, name, 'weight', node)
    this.weights.set(key, {
      name,
      dtype: storageOf(node),
      ...weightStorage(node),
      shape: node.shape.map((dim) => dim.key),
      buffer: id,
      pieces: source.pieces,
      stacked: source.stacked,
      doc,
    })
    return id
  }

  /** Registers load-time constants: two names of one buffer share it, and a `constant` buffer exists already. */
  hold(ports: readonly Port[]): void {
    for (const port of ports) {
      this.shared.set(heldKey(port.name), port.buffer)
      if (this.buffers[port.buffer].role === 'held') this.held.push(port)
    }
  }

  constantBuffer(node: Node & { op: 'constant' }): number {
    const { dtype, values } = node.params
    const key = `constant ${dtype} ${node.params.shape.join(',')} ${values.join(' ')}`
    const known = this.shared.get(key)
    if (known !== undefined) return known
    const id = this.sharedBuffer(key, `constant${this.constants.length}`, 'constant', node)
    this.constants.push({ buffer: id, dtype: plainStorage(node), values })
    return id
  }

  variableBuffer(role: VariableRole, node: Node): number {
    return this.zeroBuffer(variableName(role), node, '', role)
  }

  /** The buffer of state that no checkpoint of a model has. */
  zeroBuffer(name: string, node: Node, doc: string, variable?: VariableRole): number {
    const key = `weight ${name}`
    const known = this.shared.get(key)
    if (known !== undefined) return known
    const buffer = this.sharedBuffer(key, name, 'weight', node)
    const { dtype } = this.buffers[buffer]
    const shape = node.shape.map((dim) => dim.key)
    const port: WeightPort = { name, dtype, shape, buffer, pieces: [], stacked: false, doc }
    this.weights.set(key, variable === undefined ? port : { ...port, variable })
    return buffer
  }

  /** The buffer of the state that an output updates: the buffer that the graph reads, or a new one. */
  replacedBuffer({ node, replaces = '', doc, role }: Output): number {
    const read = this.state.get(replaces)
    if (read !== undefined) return this.bufferFor(read, null)
    return role !== undefined && isVariableRole(role)
      ? this.zeroBuffer(replaces, node, doc, role)
      : this.zeroBuffer(replaces, node, doc)
  }

  program({ kind, name, variant, when, graph, schedule }: ScheduledProgram): {
    program: Program
    outputs: readonly OutputPort[]
  } {
    const readBack = graph.outputs.filter(({ replaces }) => replaces === undefined)
    const outputOf = new Map(readBack.map((output) => [memoryOf(output.node, schedule.isMaterialized), output.name]))
    const scratch = new Map<Node, number>()
    for (const output of graph.outputs) {
      const stored = schedule.inPlace.get(output.name)
      if (stored !== undefined) scratch.set(stored, this.replacedBuffer(output))
    }
    // what the host reads back has the host's type
    const storage = (node: Node): StorageType => (outputOf.has(node) ? plainStorage(node) : storageOf(node))
    const liveSteps = new Map<number, LiveSteps>()
    const steps = schedule.kernels.map((program, at): Step => {
      const emitted = this.emit(program, { variant, storage })
      this.workgroupBytes = Math.max(this.workgroupBytes, emitted.workgroupBytes)
      for (const feature of emitted.features) this.features.add(feature)
      for (const { node, access } of program.buffers) {
        if (access === 'read_write' && !scratch.has(node)) this.addScratch(kind, node, outputOf, scratch)
        const id = this.bufferFor(node, scratch)
        if (this.buffers[id].role !== 'scratch') continue
        const live = liveSteps.get(id)
        if (live === undefined) liveSteps.set(id, { elements: product(node.shape), from: at, to: at })
        else live.to = at
      }
      return {
        kernel: this.kernelId(emitted),
        bindings: emitted.bindings.map(({ buffer, part }) => ({
          buffer: this.bufferFor(program.buffers[buffer].node, scratch),
          part,
        })),
        workgroups: emitted.workgroups.key,
        label: [program.origin.instance, program.does].filter((part) => part !== '').join(': '),
      }
    })
    const placements = graph.outputs.map((output): OutputPlacement => {
      const source = this.bufferFor(memoryOf(output.node, schedule.isMaterialized)!, scratch)
      return { output, source, buffer: output.replaces === undefined ? source : this.replacedBuffer(output) }
    })
    const copies = this.copiesOf(placements, liveSteps, steps.length)
    const liveRanges = [...liveSteps].map(([buffer, live]): LiveRange => ({ buffer, dtype: this.buffers[buffer].dtype, ...live }))
    const outputs = placements.map(({ output: { name, node, doc, role, replaces }, buffer }): OutputPort => {
      const port = { name, dtype: this.buffers[buffer].dtype, shape: node.shape.map((dim) => dim.key), buffer, doc }
      return { ...port, ...(role === undefined ? {} : { role }), ...(replaces === undefined ? {} : { replaces }) }
    })
    if (kind === 'once') this.hold(outputs)
    return { program: { name, when, ...assignSlots(liveRanges), steps, ...(copies.length === 0 ? {} : { copies }) }, outputs }
  }

  /**
   * Copies into the weights that are not updated in place. A copied buffer stays live to the end; a source that another copy
   * overwrites is first copied to a temporary.
   */
  copiesOf(placements: readonly OutputPlacement[], liveSteps: Map<number, LiveSteps>, end: number): readonly BufferCopy[] {
    const changed = new Set(placements.flatMap(({ output, buffer }) => (output.replaces === undefined ? [] : [buffer])))
    const temporaries: BufferCopy[] = []
    const copies = placements
      .filter(({ source: source, buffer }) => source !== buffer)
      .map(({ output: { node }, source: source, buffer }): BufferCopy => {
        if (!changed.has(source)) return { from: source, to: buffer }
        const to = this.addBuffer(`${this.buffers[source].name} temporary`, 'scratch', node, this.buffers[source].dtype)
        temporaries.push({ from: source, to })
        liveSteps.set(to, { elements: product(node.shape), from: end, to: end })
        return { from: to, to: buffer }
      })
    for (const { from } of copies) if (liveSteps.has(from)) liveSteps.get(from)!.to = end
    return [...temporaries, ...copies]
  }

  /** Outputs have one buffer for all programs; others belong to the program. */
  addScratch(
    kind: ScheduledProgram['kind'],
    node: Node,
    outputOf: ReadonlyMap<Node | null, string>,
    scratch: Map<Node, number>,
  ): void {
    const output = outputOf.get(node)
    if (output !== undefined && kind === 'once') scratch.set(node, this.sharedBuffer(heldKey(output), output, 'held', node))
    else if (output !== undefined) scratch.set(node, this.sharedBuffer(`output ${output}`, output, 'output', node))
    else scratch.set(node, this.addBuffer(`${node.op}${node.id}`, 'scratch', node))
  }

  kernelId({ kernel }: EmittedKernel): number {
    const key = JSON.stringify([kernelCode(kernel), kernel.bindings])
    const known = this.kernelIds.get(key)
    if (known !== undefined) return known
    const id = this.kernels.length
    this.kernels.push({ id, ...kernel })
    this.kernelIds.set(key, id)
    return id
  }
}

/** The last program runs in every other case: what limits it limits all runs. */
function withoutCondition(program: Program, bounds: readonly Bound[]): { program: Program; bounds: readonly Bound[] } {
  const { name, when } = program
  if (when === null) return { program, bounds }
  const limit = { size: subtract(when.atMost, dim(when.dim)).key, what: `compiled for ${name}, ${when.dim} up to ${when.atMost}` }
  return { program: { ...program, when: null }, bounds: [...bounds, limit] }
}

const heldKey = (name: string): string => `held ${name}`
