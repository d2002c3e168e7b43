/** Emits a kernel: a WebAssembly module of its own, and what the plan records of it. */
import type { WasmKernel } from '../../plan/plan.ts'
import { RELAXED_SIMD } from '../../plan/target.ts'
import { tilesFor } from '../../plan/tiles.ts'
import { placeOf, type EmitOptions, type EmittedKernel } from '../kernel/emitted.ts'
import type { KernelProgram } from '../kernel/ir/kernel.ts'
import { partsOf } from '../kernel/parts.ts'
import { LimitError } from '../kernel/limit-error.ts'
import { toBase64 } from './base64.ts'
import { emitKernel as emitFunction, MARGIN_BYTES } from './kernel.ts'
import { FUNCTIONS, type FunctionName } from './math/functions.ts'
import { createModule, type ModuleBuilder } from './module.ts'

/** Pages of 64 KiB: all that 32-bit addresses reach. */
const MAXIMUM_PAGES = 65536

/** Adds a function to the module when it is first used. */
function functionsOf(module: ModuleBuilder): (name: FunctionName) => number {
  const added = new Map<FunctionName, number>()
  return (name) => {
    const known = added.get(name)
    if (known !== undefined) return known
    const { operands, emit } = FUNCTIONS[name]
    const index = module.add({ parameters: Array.from({ length: operands }, () => 'v128' as const), results: ['v128'] }, emit)
    added.set(name, index)
    return index
  }
}

/** Throws for a buffer in parts, which only WebGPU's limit of a binding makes; a LimitError for one in f16. */
export function emitKernel(program: KernelProgram, { dims, storage, target }: EmitOptions): EmittedKernel<WasmKernel> {
  const cut = program.buffers.find(({ node }) => partsOf(node, target).parts > 1)
  if (cut !== undefined)
    throw new Error(`${cut.name} of ${program.name} has several parts, and kernels of the cpu target read one`)
  const half = program.buffers.find(({ node }) => storage(node) === 'f16')
  if (half !== undefined)
    throw new LimitError(
      'SMOE6004',
      `kernels of the cpu target store no f16, which ${half.name} of ${program.name} is`,
      'compute in f32, or on a WebGPU adapter with shader-f16',
      program.origin,
    )
  const module = createModule({ minimum: 1, maximum: MAXIMUM_PAGES, shared: true })
  const isRelaxed = target.features.includes(RELAXED_SIMD)
  const options = { dims, functionOf: functionsOf(module), matmul: { dot: tilesFor(target).dot, isRelaxed } }
  const { workgroups, memoryBytes, zeroFlagged } = emitFunction(module, program, options, 'kernel')
  const { computation } = program
  const place = placeOf(program.origin)
  return {
    kernel: {
      name: program.name,
      wasm: toBase64(module.take()),
      ownBytes: memoryBytes,
      marginBytes: MARGIN_BYTES,
      ...(zeroFlagged === null ? {} : { zeroFlagged }),
      bindings: program.buffers.map(({ name, node, access, storage: format }) => ({
        name,
        access,
        dtype: storage(node),
        ...(format === undefined ? {} : { storage: format }),
      })),
      workgroupSize: [computation.kind === 'workgroups' ? computation.workgroupSize : 1, 1, 1],
      template: program.template,
      reason: program.reason,
      refused: [],
      places: place === null ? [] : [{ wgslLine: 1, place }],
    },
    workgroups,
    bindings: program.buffers.map((_, buffer) => ({ buffer, part: 0 })),
    workgroupBytes: 0,
    // matmuls and attention alone add up products
    features: isRelaxed && computation.kind !== 'workgroups' ? [RELAXED_SIMD] : [],
  }
}
