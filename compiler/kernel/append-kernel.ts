/** Rows that are written into a cache behind those of earlier runs; a thread for each element of the rows. */
import { ceilDivide, product } from '../../plan/dim.ts'
import type { Node } from '../graph/node.ts'
import { add, cast, divide, less, load, multiply, remainder, size, u32, variable } from '../scalar/build.ts'
import { define, store, THREAD, when, WORKGROUP } from '../scalar/statements.ts'
import type { Group } from './group.ts'
import type { KernelProgram } from './ir/kernel.ts'
import { LimitError } from './limit-error.ts'
import { partsOf } from './parts.ts'
import { openScope, type ScheduleContext } from './scope/context.ts'
import { describe, kernelName } from './scope/describe.ts'

const THREADS = 64

function tooLarge({ shape: [sequences, longest], origin }: Node, { target }: ScheduleContext): LimitError {
  const binding = Math.floor(target.maxBindingBytes / 2 ** 20)
  return new LimitError(
    'SMOE6007',
    `${longest.key} positions of ${sequences.key} sequences are kept in ${origin.instance}, which takes more than the ` +
      `${binding} MiB of a buffer of ${target.name}`,
    'keep fewer positions, or fewer sequences',
    origin,
  )
}

/** The other rows of the result are those of the variable in whose memory it lies: see `writeInPlace`. */
export function appendKernel(group: Group, context: ScheduleContext): KernelProgram {
  const node = group.anchor as Node & { op: 'append' }
  const [cache, x, past] = node.inputs
  const [, rows, ...rest] = x.shape
  if (partsOf(node, context.target).parts > 1) throw tooLarge(node, context)
  const scope = openScope(context, group.members)
  const [values, lengths] = [scope.bufferOf(x), scope.bufferOf(past)]
  const out = scope.naming.write(node)
  const [at, row, place] = ['at', 'row', 'place'].map((name) => variable('u32', name))
  const width = size(product(rest))
  const sequence = divide(row, size(rows))
  const first = cast('u32', load('i32', lengths, sequence))
  return {
    name: kernelName(group, 'append'),
    template: 'append',
    reason: 'rows are written where the cache lies',
    buffers: scope.naming.buffers(),
    computation: {
      kind: 'workgroups',
      workgroups: ceilDivide(product(x.shape), THREADS),
      workgroupSize: THREADS,
      shared: [],
      body: [
        define('at', add(multiply(WORKGROUP, u32(THREADS)), THREAD)),
        when(less(at, size(product(x.shape))), [
          define('row', divide(at, width)),
          define('place', add(first, remainder(row, size(rows)))),
          // a length that the runtime has not checked writes no other tensor
          when(less(place, size(cache.shape[1])), [
            store(
              out,
              add(multiply(add(multiply(sequence, size(cache.shape[1])), place), width), remainder(at, width)),
              load('f32', values, at),
            ),
          ]),
        ]),
      ],
    },
    origin: node.origin,
    does: describe(group),
  }
}
