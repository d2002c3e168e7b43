/** The WGSL module of a kernel: `enable` lines, buffers with their accessors, dims, helper functions, and the kernel's body. */
import type { StorageType } from '../../plan/plan.ts'
import type { WeightStorage } from '../../plan/storage/formats.ts'
import type { ScalarType } from '../scalar/expression.ts'
import { loadStored } from './decode.ts'
import { HELPERS } from './opcodes.ts'

export interface ModuleBuffer {
  readonly name: string
  readonly access: 'read' | 'read_write'
  /** The type of an element in the kernel; a bool is stored as u32. */
  readonly type: ScalarType
  /** The type of an element in memory; loads and stores convert. */
  readonly storage: StorageType
  /** The format of a weight, which is bound as words. */
  readonly format?: WeightStorage
  /** Bound as an array of vec4: `load4_NAME` exists beside `load_NAME`. */
  readonly vec4: boolean
  readonly parts: number
  /** Elements of each part but the last, a multiple of 4; null for a single part. */
  readonly partElements: number | null
}

/** The names of a buffer's bindings, one a part. */
export const bindingNames = (buffer: ModuleBuffer): readonly string[] =>
  buffer.parts === 1
    ? [`buffer_${buffer.name}`]
    : Array.from({ length: buffer.parts }, (_, part) => `buffer_${buffer.name}_${part}`)

export interface ModuleOptions {
  readonly title: string
  readonly body: string
  readonly buffers: readonly ModuleBuffer[]
  readonly dims: readonly string[]
  readonly needsSubgroups: boolean
  readonly declarations: readonly string[]
}

export interface EmittedModule {
  readonly wgsl: string
  /** Lines before the body: line n of the body is line offset + n of the module. */
  readonly bodyOffset: number
  /** Whether a buffer is f16. */
  readonly needsF16: boolean
}

export function emitModule(module: ModuleOptions): EmittedModule {
  const dims = dimLines(module.dims, module.body)
  const bindings = module.buffers.flatMap((buffer, at) => declare(buffer, firstBinding(module.buffers, at)))
  const accessors = module.buffers.flatMap((buffer) => access(buffer, module.body))
  const text = [...accessors, module.body].join('\n')
  const needsF16 = module.buffers.some(({ storage }) => storage === 'f16')
  const enabled = [...(module.needsSubgroups ? ['enable subgroups;'] : []), ...(needsF16 ? ['enable f16;'] : [])]
  const lines = [
    ...enabled,
    ...(enabled.length > 0 ? [''] : []),
    `// ${module.title}`,
    ...dims,
    ...bindings,
    ...accessors,
    ...module.declarations,
    ...helperLines(text),
  ]
  const wgsl = [...lines, '', module.body, ''].join('\n')
  return { wgsl, bodyOffset: [...lines, ''].join('\n').split('\n').length, needsF16 }
}

const firstBinding = (buffers: readonly ModuleBuffer[], at: number): number =>
  1 + buffers.slice(0, at).reduce((sum, buffer) => sum + buffer.parts, 0)

function dimLines(dims: readonly string[], body: string): readonly string[] {
  const rows = Math.max(1, Math.ceil(dims.length / 4))
  const lines = [`@group(0) @binding(0) var<uniform> dims: array<vec4<u32>, ${rows}>;`]
  dims.forEach((name, at) => lines.push(`fn dim_${name}() -> u32 { return dims[${at >> 2}].${'xyzw'[at & 3]}; }`))
  if (body.includes('smoe_floor_divide')) lines.push('fn smoe_floor_divide(a: u32, b: u32) -> u32 { return a / b; }')
  if (body.includes('smoe_ceil_divide')) lines.push('fn smoe_ceil_divide(a: u32, b: u32) -> u32 { return (a + b - 1u) / b; }')
  return lines
}

function declare(buffer: ModuleBuffer, binding: number): readonly string[] {
  const element = buffer.format !== undefined ? 'u32' : buffer.vec4 ? `vec4<${buffer.storage}>` : buffer.storage
  return bindingNames(buffer).map(
    (name, part) => `@group(0) @binding(${binding + part}) var<storage, ${buffer.access}> ${name}: array<${element}>;`,
  )
}

/** Selects the part that contains an index; `text` maps the name of a part and the index within it. */
function byPart(buffer: ModuleBuffer, per: number, text: (name: string, index: string) => string): string {
  const names = bindingNames(buffer)
  if (names.length === 1) return text(names[0], 'i')
  const length = buffer.partElements! / per
  const cases = names
    .slice(0, -1)
    .map((name, part) => `if (i < ${(part + 1) * length}u) { ${text(name, part === 0 ? 'i' : `i - ${part * length}u`)} }`)
  return [...cases, text(names[names.length - 1], `i - ${(names.length - 1) * length}u`)].join('\n  ')
}

/** Loads of a weight that lies in a format. */
function storedAccess(buffer: ModuleBuffer, format: WeightStorage, body: string): readonly string[] {
  const { name } = buffer
  const loads = [
    { called: `load_${name}`, type: 'f32', vec4: false },
    { called: `load4_${name}`, type: 'vec4<f32>', vec4: true },
  ]
  return loads
    .filter(({ called }) => body.includes(`${called}(`))
    .map(({ called, type, vec4 }) => {
      const lines = byPart(buffer, vec4 ? 4 : 1, (part, i) => loadStored(format, part, i, vec4).join('\n  '))
      return `fn ${called}(i: u32) -> ${type} {\n  ${lines}\n}`
    })
}

function access(buffer: ModuleBuffer, body: string): readonly string[] {
  if (buffer.format !== undefined) return storedAccess(buffer, buffer.format, body)
  const { name, type, storage, vec4 } = buffer
  const isHalf = storage === 'f16'
  const element = (part: string, i: string): string => {
    const raw = vec4 ? `${part}[(${i}) >> 2u][(${i}) & 3u]` : `${part}[${i}]`
    return type === 'bool' ? `${raw} != 0u` : isHalf ? `f32(${raw})` : raw
  }
  const lines: string[] = []
  if (body.includes(`load_${name}(`)) {
    lines.push(`fn load_${name}(i: u32) -> ${type} {\n  ${byPart(buffer, 1, (part, i) => `return ${element(part, i)};`)}\n}`)
  }
  if (vec4 && body.includes(`load4_${name}(`)) {
    lines.push(
      `fn load4_${name}(i: u32) -> vec4<f32> {\n  ${byPart(buffer, 4, (part, i) => `return ${isHalf ? `vec4<f32>(${part}[${i}])` : `${part}[${i}]`};`)}\n}`,
    )
  }
  if (buffer.access === 'read_write' && body.includes(`store_${name}(`)) {
    const value = type === 'bool' ? 'u32(value)' : isHalf ? 'smoe_f16(value)' : 'value'
    const put = (part: string, i: string): string =>
      vec4 ? `${part}[(${i}) >> 2u][(${i}) & 3u] = ${value}; return;` : `${part}[${i}] = ${value}; return;`
    lines.push(`fn store_${name}(i: u32, value: ${type}) {\n  ${byPart(buffer, 1, put)}\n}`)
  }
  return lines
}

/** The helpers that are called, and those that these call. */
function helperLines(text: string): readonly string[] {
  const wanted = new Set<string>()
  const want = (within: string): void => {
    for (const [name, helper] of Object.entries(HELPERS)) {
      if (wanted.has(name) || !within.includes(`${name}(`)) continue
      wanted.add(name)
      want(helper)
    }
  }
  want(text)
  return Object.entries(HELPERS)
    .filter(([name]) => wanted.has(name))
    .map(([, helper]) => helper)
}
