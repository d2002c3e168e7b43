/**
 * A kernel of workgroups -> a function (arguments, memory, from, to) that runs the workgroups from .. to - 1. `arguments` is the address of words: the
 * address and the number of elements of each buffer in order, then the dims of the plan; `memory` that of the worker's own memory.
 */
import type { KernelProgram } from '../../kernel/ir/kernel.ts'
import { createNameSource, nameValues } from '../../scalar/name-values.ts'
import { synchronizes } from '../../scalar/walk.ts'
import type { Signature } from '../function.ts'
import type { FunctionName } from '../math/functions.ts'
import type { ModuleBuilder } from '../module.ts'
import { analyse } from './analysis.ts'
import type { Buffer, LocalArray, Variable } from './expression.ts'
import { GANG, UNIFORM } from './shape.ts'
import { emitStatements, type Region } from './statement.ts'

export const KERNEL: Signature = { parameters: ['i32', 'i32', 'i32', 'i32'], results: [] }

const WORD = 4

export interface KernelOptions {
  /** The plan's dims, in order. */
  readonly dims: readonly string[]
  readonly functionOf: (name: FunctionName) => number
}

export interface EmittedFunction {
  readonly index: number
  /** Bytes of a worker's own memory that it uses. */
  readonly memoryBytes: number
}

/** Throws where threads of several gangs meet: a target of four threads a workgroup has no such kernel. */
export function emitGangKernel(
  module: ModuleBuilder,
  program: KernelProgram,
  options: KernelOptions,
  name: string,
): EmittedFunction {
  const { computation } = program
  if (computation.kind !== 'workgroups') throw new Error(`${program.name} is not a kernel of workgroups`)
  const { workgroupSize, shared } = computation
  const statements = nameValues(computation.body, createNameSource())
  const gangs = Math.ceil(workgroupSize / GANG)
  if (gangs > 1 && statements.some(synchronizes))
    throw new Error(`${program.name}: ${workgroupSize} threads with barriers are more than a gang of ${GANG}`)
  let memoryBytes = 0
  const reserve = (bytes: number): number => {
    const offset = memoryBytes
    memoryBytes += Math.ceil(bytes / 16) * 16
    return offset
  }
  const index = module.add(
    KERNEL,
    (body) => {
      const argument = (at: number): number => {
        const local = body.local('i32')
        body.get(0)
        body.load('i32.load', WORD * at)
        body.set(local)
        return local
      }
      const buffers = new Map(
        program.buffers.map(({ name, node }, at): [string, Buffer] => [
          name,
          { address: argument(2 * at), elements: argument(2 * at + 1), type: node.dtype },
        ]),
      )
      const dims = new Map<string, number>()
      options.dims.forEach((dim, at) => dims.set(dim, argument(2 * program.buffers.length + at)))
      const arrays = new Map<string, LocalArray>()
      for (const { name, type, length } of shared) {
        arrays.set(name, { isShared: true, type, length, offset: reserve(length * WORD) })
      }
      const [workgroup, lane] = [2, body.local('i32')]
      const variables = new Map<string, Variable>([
        ['workgroup', { shape: UNIFORM, type: 'u32', local: workgroup }],
        ['thread', { shape: { kind: 'affine', stride: 1, isAligned: true }, type: 'u32', local: lane }],
      ])
      const region: Region = {
        body,
        functionOf: options.functionOf,
        buffers,
        arrays,
        variables,
        dim: (name) => {
          const local = dims.get(name)
          if (local === undefined) throw new Error(`${name} is not a dim of the plan`)
          return local
        },
        memory: 1,
        analysis: analyse(statements, new Set(shared.map(({ name }) => name))),
        mask: null,
        lanes: workgroupSize,
        reserve,
      }
      body.block(() =>
        body.loop(() => {
          body.get(workgroup)
          body.get(3)
          body.op('i32.ge_u')
          body.branchIf(1)
          body.i32(0)
          body.set(lane)
          if (gangs === 1) emitStatements(small(region), statements)
          else
            body.loop(() => {
              emitStatements({ ...region, variables: new Map(variables), arrays: new Map(arrays) }, statements)
              body.get(lane)
              body.i32(GANG)
              body.op('i32.add')
              body.tee(lane)
              body.i32(workgroupSize)
              body.op('i32.lt_u')
              body.branchIf(0)
            })
          body.get(workgroup)
          body.i32(1)
          body.op('i32.add')
          body.set(workgroup)
          body.branch(0)
        }),
      )
    },
    name,
  )
  return { index, memoryBytes }
}

/** A workgroup of fewer than four: the others are masked out. */
function small(region: Region): Region {
  const { body, lanes } = region
  if (lanes === GANG) return region
  const mask = body.local('v128')
  body.v128(Array.from({ length: GANG }, (_, lane) => (lane < lanes ? -1 : 0)))
  body.set(mask)
  return { ...region, mask }
}
