/** A kernel as a function of WebAssembly, with memory of its own. */
import { evaluate as sizeOf } from '../../plan/dim.ts'
import { storedBytes } from '../../plan/storage/formats.ts'
import { CPU } from '../../plan/target.ts'
import { tilesFor } from '../../plan/tiles.ts'
import type { Kernel } from '../../compiler/kernel/ir/kernel.ts'
import { emitKernel, MARGIN_BYTES } from '../../compiler/wasm/kernel.ts'
import { FUNCTIONS, type FunctionName } from '../../compiler/wasm/math/functions.ts'
import { createModule } from '../../compiler/wasm/module.ts'

const PAGES = 128
const ARGUMENTS = 64
const OWN = 4096

export interface WasmKernel {
  readonly workgroups: number
  /** Bytes of a worker's own memory that it uses. */
  readonly memoryBytes: number
  /** Elements, or the bytes of a buffer that lies in a format. */
  readonly write: (buffer: string, values: ArrayLike<number>) => void
  readonly read: (buffer: string) => Float64Array
  /** Runs the workgroups from .. to - 1: all of them where none are given. */
  readonly run: (from?: number, to?: number) => void
}

/** `dot`: the tile of matmuls. */
export function createWasmKernel(kernel: Kernel, dims: Readonly<Record<string, number>>, dot = tilesFor(CPU).dot): WasmKernel {
  const module = createModule({ minimum: PAGES, maximum: PAGES, shared: false })
  const functions = new Map<FunctionName, number>()
  for (const [name, { operands, emit }] of Object.entries(FUNCTIONS))
    functions.set(
      name as FunctionName,
      module.add({ parameters: Array.from({ length: operands }, () => 'v128' as const), results: ['v128'] }, emit),
    )
  const names = Object.keys(dims)
  const options = { dims: names, functionOf: (name: FunctionName) => functions.get(name)!, matmul: { dot, isRelaxed: false } }
  const { memoryBytes, workgroups, zeroFlagged } = emitKernel(module, kernel, options, 'kernel')
  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES })
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.take()), { env: { memory } })
  const views = {
    f32: new Float32Array(memory.buffer),
    i32: new Int32Array(memory.buffer),
    u32: new Uint32Array(memory.buffer),
    bool: new Uint32Array(memory.buffer),
  }
  const bytes = new Uint8Array(memory.buffer)
  let at = OWN + memoryBytes + MARGIN_BYTES
  const places = new Map(
    kernel.buffers.map(({ name, dtype, storage, elements }, index) => {
      const [start, length] = [at, sizeOf(elements, dims)]
      views.i32.set([start, length], ARGUMENTS / 4 + 2 * index)
      const size = storage === undefined ? length * 4 : storedBytes(storage, length)
      at += Math.ceil(size / 16) * 16 + MARGIN_BYTES
      const view = storage === undefined ? views[dtype] : bytes
      return [name, view.subarray(start / view.BYTES_PER_ELEMENT, (start + size) / view.BYTES_PER_ELEMENT)]
    }),
  )
  const flags = ARGUMENTS / 4 + 2 * kernel.buffers.length + names.length
  if (zeroFlagged !== null) views.i32[flags] = at
  names.forEach((name, index) => (views.i32[ARGUMENTS / 4 + 2 * kernel.buffers.length + index] = dims[name]))
  const count = sizeOf(workgroups, dims)
  return {
    workgroups: count,
    memoryBytes,
    write: (buffer, values) => places.get(buffer)!.set(values),
    read: (buffer) => Float64Array.from(places.get(buffer)!),
    run: (from = 0, to = count) => (exports.kernel as (...values: number[]) => void)(ARGUMENTS, OWN, from, to),
  }
}
