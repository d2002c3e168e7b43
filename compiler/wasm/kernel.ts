/**
 * A kernel -> a function (arguments, memory, from, to) that runs the workgroups from .. to - 1. `arguments` is the address of
 * words: the address and the number of elements of each buffer in order, then the dims of the plan, then the address of the zero
 * flags where there are any; `memory` is that of the worker's own memory.
 */
import type { Dim } from '../../plan/dim.ts'
import { attentionWorkgroups } from '../kernel/ir/attention.ts'
import type { Computation, Kernel } from '../kernel/ir/kernel.ts'
import type { Statement } from '../scalar/expression.ts'
import { createNameSource, nameValues } from '../scalar/name-values.ts'
import { synchronizes } from '../scalar/walk.ts'
import { emitAttention } from './attention/attention.ts'
import type { FunctionBody, Signature } from './function.ts'
import { analyse } from './gang/analysis.ts'
import type { Buffer, LocalArray, Region, Variable } from './gang/gang.ts'
import { GANG, UNIFORM, type Shape } from './gang/shape.ts'
import { splitStores } from './gang/split-stores.ts'
import { emitSegments } from './gang/segments.ts'
import { emitStatements } from './gang/statement.ts'
import type { FunctionName } from './math/functions.ts'
import { keep, word, WORD } from './integers.ts'
import { emitMatmul, matmulWorkgroups, type TileOptions } from './matmul/matmul.ts'
import { flaggedBuffer } from './matmul/zero-flags.ts'
import type { ModuleBuilder } from './module.ts'

export const KERNEL: Signature = { parameters: ['i32', 'i32', 'i32', 'i32'], results: [] }

/** Locals of the parameters. */
const [ARGUMENTS, MEMORY, WORKGROUP, END] = [0, 1, 2, 3]
/**
 * Bytes of memory before and behind each buffer that may be read, though they are not used: of the four or sixteen
 * columns or elements that are loaded together, some may lie outside.
 */
export const MARGIN_BYTES = 64

export interface KernelOptions {
  /** The plan's dims, in order. */
  readonly dims: readonly string[]
  readonly functionOf: (name: FunctionName) => number
  readonly matmul: TileOptions
}

export interface EmittedFunction {
  readonly index: number
  readonly workgroups: Dim
  /** Bytes of a worker's own memory that it uses. */
  readonly memoryBytes: number
  /** The place of the buffer whose blocks of zeros it flags, one word a workgroup; null where it flags none. */
  readonly zeroFlagged: number | null
}

/**
 * Adds the function to the module, exported under the name. Throws where a workgroup with barriers is neither one gang nor
 * whole gangs.
 */
export function emitKernel(module: ModuleBuilder, kernel: Kernel, options: KernelOptions, name: string): EmittedFunction {
  const zeroFlagged = flaggedBuffer(kernel)
  let memoryBytes = 0
  const reserve = (bytes: number): number => {
    const offset = memoryBytes
    memoryBytes += Math.ceil(bytes / 16) * 16
    return offset
  }
  const index = module.add(
    KERNEL,
    (body) => {
      const region = openRegion(body, kernel, options, reserve)
      const zeroFlags = zeroFlagged === null ? null : argumentOf(body, 2 * kernel.buffers.length + options.dims.length)
      const run = runner(region, kernel, options, zeroFlags)
      body.block(() =>
        body.loop(() => {
          body.get(WORKGROUP)
          body.get(END)
          body.op('i32.ge_u')
          body.branchIf(1)
          run()
          increment(body, WORKGROUP, 1)
          body.branch(0)
        }),
      )
    },
    name,
  )
  return { index, workgroups: workgroupsOf(kernel, options), memoryBytes, zeroFlagged }
}

function workgroupsOf({ buffers, computation }: Kernel, { matmul: { dot } }: KernelOptions): Dim {
  switch (computation.kind) {
    case 'matmul':
      return matmulWorkgroups(new Map(buffers.map((buffer) => [buffer.name, buffer])), computation.matmul, dot)
    case 'attention':
      return attentionWorkgroups(computation.attention)
    case 'workgroups':
      return computation.workgroups
    default:
      return computation satisfies never
  }
}

/** Emits a workgroup. */
function runner(region: Region, { name, computation }: Kernel, options: KernelOptions, zeroFlags: number | null): () => void {
  switch (computation.kind) {
    case 'matmul':
      return () => emitMatmul(region, computation.matmul, WORKGROUP, { ...options.matmul, zeroFlags })
    case 'attention':
      return () => emitAttention(region, computation.attention, WORKGROUP, options.matmul.isRelaxed)
    case 'workgroups':
      return gangs(region, name, computation)
    default:
      return computation satisfies never
  }
}

function increment(body: FunctionBody, local: number, by: number): void {
  body.get(local)
  body.i32(by)
  body.op('i32.add')
  body.set(local)
}

/** The local of an argument. */
const argumentOf = (body: FunctionBody, at: number): number => keep(body, () => word(body, ARGUMENTS, at))

/** What all of a kernel's code may use: buffers and dims in locals. */
function openRegion(
  body: FunctionBody,
  kernel: Kernel,
  { dims, functionOf }: KernelOptions,
  reserve: (bytes: number) => number,
): Region {
  const buffers = new Map(
    kernel.buffers.map(({ name, dtype, storage }, at): [string, Buffer] => [
      name,
      { address: argumentOf(body, 2 * at), elements: argumentOf(body, 2 * at + 1), type: dtype, storage },
    ]),
  )
  const dimLocals = new Map(dims.map((dim, at) => [dim, argumentOf(body, 2 * kernel.buffers.length + at)]))
  return {
    body,
    functionOf,
    buffers,
    arrays: new Map(),
    variables: new Map(),
    dim: (name) => {
      const local = dimLocals.get(name)
      if (local === undefined) throw new Error(`${name} is not a dim of the plan`)
      return local
    },
    memory: MEMORY,
    own: MEMORY,
    ownBase: 0,
    analysis: { varying: new Set(), shared: new Set() },
    mask: null,
    lanes: GANG,
    reserve,
  }
}

/** The body of a workgroup, gang by gang. */
function gangs(region: Region, name: string, computation: Computation & { readonly kind: 'workgroups' }): () => void {
  const { workgroupSize, shared } = computation
  const { body } = region
  if (workgroupSize > GANG && workgroupSize % GANG !== 0)
    throw new Error(`${name}: ${workgroupSize} threads are not whole gangs of ${GANG}`)
  const arrays = shared.map(({ name, type, length }): [string, LocalArray] => [
    name,
    { isShared: true, type, length, offset: region.reserve(length * WORD) },
  ])
  const thread = body.local('i32')
  const shapes: readonly (readonly [string, Shape, number])[] = [
    ['workgroup', UNIFORM, WORKGROUP],
    ['thread', { kind: 'affine', stride: 1, isAligned: true }, thread],
  ]
  const known = new Map(shapes.map(([name, shape]) => [name, shape]))
  const statements = nameValues(splitStores(computation.body, known), createNameSource())
  const analysis = analyse(statements, new Set(shared.map(({ name }) => name)), known)
  /** A gang of its own: what one defines is not the next one's. */
  const open = (): Region => ({
    ...region,
    analysis,
    lanes: workgroupSize,
    arrays: new Map(arrays),
    variables: new Map(shapes.map(([name, shape, local]): [string, Variable] => [name, { shape, type: 'u32', local }])),
  })
  return () => {
    body.i32(0)
    body.set(thread)
    if (workgroupSize <= GANG) return runSmall(open(), statements)
    if (statements.some(synchronizes)) return emitSegments(open(), statements, workgroupSize / GANG, thread)
    body.loop(() => {
      emitStatements(open(), statements)
      increment(body, thread, GANG)
      body.get(thread)
      body.i32(workgroupSize)
      body.op('i32.lt_u')
      body.branchIf(0)
    })
  }
}

/** A workgroup of one gang, or of fewer threads: the others are masked out. */
function runSmall(region: Region, statements: readonly Statement[]): void {
  const { body, lanes } = region
  if (lanes === GANG) return emitStatements(region, statements)
  const mask = body.local('v128')
  body.v128(Array.from({ length: GANG }, (_, lane) => (lane < lanes ? -1 : 0)))
  body.set(mask)
  emitStatements({ ...region, mask }, statements)
}
