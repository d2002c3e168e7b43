/** Runs one routine on a software adapter without compiler or runtime: the smallest module around it, random data in, numbers out. */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { constantValue, evaluate, symbolsOf, type Atom, type Dim, type DimValues } from '../../../plan/dim.ts'
import type { Expression, Statement } from '../../../compiler/scalar/expression.ts'
import type { RoutineText } from '../../../compiler/wgsl/routine.ts'
import type { Speller } from '../../../compiler/wgsl/speller.ts'

export interface Adapter {
  readonly name: 'lavapipe' | 'SwiftShader'
  readonly gpu: GPU
  readonly device: GPUDevice
  readonly subgroupSize: number
}

export interface Bound {
  readonly name: string
  readonly data: Float32Array | Int32Array
  readonly written?: boolean
}

const cache = process.env.SMOE_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'smoe')
const DRIVERS = {
  lavapipe: { manifest: join(cache, 'lavapipe/lvp_icd.json'), loader: join(cache, 'lavapipe/lib/libvulkan.so.1'), match: 'llvmpipe' },
  SwiftShader: { manifest: join(cache, 'swiftshader/vk_swiftshader_icd.json'), loader: join(cache, 'swiftshader/libvulkan.so.1'), match: 'SwiftShader' },
} as const

const available = (Object.keys(DRIVERS) as Adapter['name'][]).filter((name) => existsSync(DRIVERS[name].manifest))

/** Dropping what `create` returns takes the process down while a device lives. */
const kept: unknown[] = []

/** A device of every software adapter that is in the cache. */
export async function openAdapters(): Promise<readonly Adapter[]> {
  if (available.length === 0) return []
  process.env.VK_ICD_FILENAMES = available.map((name) => DRIVERS[name].manifest).join(':')
  process.env.XDG_RUNTIME_DIR ??= dirname(cache)
  try {
    // RTLD_NOW | RTLD_NODELETE; it throws that this is no Node module, and stays loaded
    process.dlopen({ exports: {} }, DRIVERS[available[0]].loader, 2 | 0x1000)
  } catch {}
  const { create, globals } = await import('webgpu')
  Object.assign(globalThis, globals)
  return Promise.all(available.map((name) => open(name, create)))
}

async function open(name: Adapter['name'], create: (options: string[]) => GPU): Promise<Adapter> {
  const gpu = create([`adapter=${DRIVERS[name].match}`])
  kept.push(gpu)
  const adapter = await gpu.requestAdapter()
  if (adapter === null) throw new Error(`${name} is in the cache and gives no adapter`)
  const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupStorageSize } = adapter.limits
  const device = await adapter.requestDevice({
    requiredFeatures: ['subgroups' as GPUFeatureName],
    requiredLimits: { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupStorageSize },
  })
  const { subgroupMaxSize } = adapter.info as GPUAdapterInfo & { subgroupMaxSize: number }
  return { name, gpu, device, subgroupSize: subgroupMaxSize }
}

// ---- spelling

const OPERATORS: Readonly<Record<string, string>> = {
  add: '+', subtract: '-', multiply: '*', divide: '/', remainder: '%', less: '<', less_equal: '<=', equal: '==', and: '&&', or: '||',
}

function spellSize(dim: Dim): string {
  const value = constantValue(dim)
  if (value !== undefined) return `${value}u`
  const atom = (x: Atom): string => {
    if (x.kind === 'symbol') return `dim_${x.name}()`
    const [n, d] = [spellSize(x.numerator), spellSize(x.divisor)]
    return x.kind === 'floor' ? `(${n} / ${d})` : `((${n} + ${d} - 1u) / ${d})`
  }
  return `(${dim.terms.map((t) => [`${t.coefficient}u`, ...t.factors.map(atom)].join(' * ')).join(' + ')})`
}

function spellExpression(e: Expression): string {
  switch (e.kind) {
    case 'literal':
      return e.type === 'u32' ? `${e.value}u` : e.type === 'i32' ? `${e.value}i` : `f32(${e.value})`
    case 'variable':
      return e.name
    case 'size':
      return spellSize(e.dim)
    case 'load':
      return `load_${e.buffer}(${spellExpression(e.index)})`
    case 'unary':
      return e.word === 'sigmoid'
        ? `(1.0 / (1.0 + exp(-${spellExpression(e.operand)})))`
        : e.word === 'negate' ? `(-${spellExpression(e.operand)})` : `${e.word}(${spellExpression(e.operand)})`
    case 'binary':
      return `(${spellExpression(e.left)} ${OPERATORS[e.word]} ${spellExpression(e.right)})`
    case 'cast':
      return `${e.type}(${spellExpression(e.operand)})`
    default:
      throw new Error(`the harness does not spell ${e.kind}`)
  }
}

function spellStatement(s: Statement): string {
  switch (s.kind) {
    case 'let':
      return `let ${s.name} = ${spellExpression(s.value)};`
    case 'store':
      return `store_${s.buffer}(${spellExpression(s.index)}, ${spellExpression(s.value)});`
    default:
      throw new Error(`the harness does not spell ${s.kind}`)
  }
}

export const speller: Speller = {
  expression: spellExpression,
  statements: (statements, indent) => statements.map((s) => `${'  '.repeat(indent)}${spellStatement(s)}\n`).join(''),
  size: spellSize,
}

// ---- the module

const typeOf = (bound: Bound): string => (bound.data instanceof Float32Array ? 'f32' : 'i32')

function declareBuffer(bound: Bound, binding: number, vec4: boolean): string {
  const { name } = bound
  const type = typeOf(bound)
  const access = bound.written ? 'read_write' : 'read'
  const lines = [`@group(0) @binding(${binding}) var<storage, ${access}> ${name}: array<${vec4 ? 'vec4<f32>' : type}>;`]
  lines.push(`fn load_${name}(i: u32) -> ${type} { return ${vec4 ? `${name}[i / 4u][i % 4u]` : `${name}[i]`}; }`)
  if (vec4) lines.push(`fn load4_${name}(i4: u32) -> vec4<f32> { return ${name}[i4]; }`)
  if (bound.written) lines.push(`fn store_${name}(i: u32, v: ${type}) { ${name}[i] = v; }`)
  return lines.join('\n')
}

export function moduleText(routine: RoutineText, bounds: readonly Bound[], dims: readonly string[]): string {
  return [
    routine.needsSubgroups ? 'enable subgroups;' : '',
    `@group(0) @binding(0) var<uniform> dims: array<vec4<u32>, ${Math.max(1, Math.ceil(dims.length / 4))}>;`,
    ...dims.map((name, i) => `fn dim_${name}() -> u32 { return dims[${i >> 2}][${i & 3}]; }`),
    ...bounds.map((bound, i) => declareBuffer(bound, i + 1, routine.vec4Buffers.includes(bound.name))),
    routine.body,
  ].join('\n')
}

// ---- running

export interface Prepared {
  readonly submit: () => void
  readonly wait: () => Promise<void>
  readonly read: (name: string) => Promise<Float32Array>
  readonly compileMs: number
  readonly dispose: () => void
}

/** A pending promise makes the binding poll at full speed; sleeping in between leaves the core to the adapter. */
async function polite<T>(promise: Promise<T>): Promise<T> {
  let pending = true
  const cell = new Int32Array(new SharedArrayBuffer(4))
  const nap = (): void => {
    if (!pending) return
    Atomics.wait(cell, 0, 0, 0.3)
    setImmediate(nap)
  }
  setImmediate(nap)
  try {
    return await promise
  } finally {
    pending = false
  }
}

export async function prepare({ device }: Adapter, routine: RoutineText, bounds: readonly Bound[], values: DimValues): Promise<Prepared> {
  const names = [...new Set([...Object.keys(values), ...symbolsOf(routine.workgroups)])]
  const code = moduleText(routine, bounds, names)
  device.pushErrorScope('validation')
  const start = performance.now()
  const module = device.createShaderModule({ code })
  const bindGroupLayout = device.createBindGroupLayout({
    entries: [{ written: undefined, uniform: true }, ...bounds].map((bound, binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: 'uniform' in bound ? 'uniform' : bound.written ? 'storage' : 'read-only-storage' },
    })),
  })
  const layout = device.createPipelineLayout({ bindGroupLayouts: [bindGroupLayout] })
  const { messages } = await polite(module.getCompilationInfo())
  const faults = messages.filter(({ type }) => type === 'error')
  if (faults.length > 0) throw new Error(faults.map((m) => `${m.message}\n  ${code.split('\n')[m.lineNum - 1]}`).join('\n'))
  const pipeline = await polite(device.createComputePipelineAsync({ layout, compute: { module, entryPoint: 'main' } }))
  const compileMs = performance.now() - start
  const uniform = device.createBuffer({ size: Math.max(16, Math.ceil(names.length / 4) * 16), usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST })
  device.queue.writeBuffer(uniform, 0, Uint32Array.from(names, (name) => values[name]))
  const buffers = bounds.map(({ data }) => {
    const buffer = device.createBuffer({
      size: Math.max(16, Math.ceil(data.byteLength / 16) * 16),
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
    })
    device.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>)
    return buffer
  })
  const bindGroup = device.createBindGroup({
    layout: bindGroupLayout,
    entries: [uniform, ...buffers].map((buffer, binding) => ({ binding, resource: { buffer } })),
  })
  const error = await polite(device.popErrorScope())
  if (error !== null) throw new Error(error.message)
  const count = evaluate(routine.workgroups, values)
  const width = Math.min(count, 40000)
  return {
    compileMs,
    submit: () => {
      const encoder = device.createCommandEncoder()
      const pass = encoder.beginComputePass()
      pass.setPipeline(pipeline)
      pass.setBindGroup(0, bindGroup)
      if (count > 0) pass.dispatchWorkgroups(width, Math.ceil(count / width))
      pass.end()
      device.queue.submit([encoder.finish()])
    },
    wait: () => polite(device.queue.onSubmittedWorkDone()),
    read: async (name) => {
      const at = bounds.findIndex((bound) => bound.name === name)
      const { size } = buffers[at]
      const staging = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
      const encoder = device.createCommandEncoder()
      encoder.copyBufferToBuffer(buffers[at], 0, staging, 0, size)
      device.queue.submit([encoder.finish()])
      await polite(staging.mapAsync(GPUMapMode.READ))
      const copy = new Float32Array(staging.getMappedRange().slice(0))
      staging.destroy()
      return copy.subarray(0, bounds[at].data.length)
    },
    dispose: () => {
      for (const buffer of [uniform, ...buffers]) buffer.destroy()
    },
  }
}
