/**
 * Sorts rows by their expert from the counts of each block: a workgroup per block, a thread per expert (or several). There are no
 * atomics: a thread writes only the rows of its own experts, in ascending order, after those of lower experts and earlier blocks.
 */
import { add as addDims, constantValue, floorDivide, product } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
import { ABSENT, ENTRY, tileCount } from '../../graph/sorted-rows.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import {
  add,
  binary,
  cast,
  divide,
  element,
  load,
  literal,
  multiply,
  reduce,
  select,
  size,
  u32,
  variable,
} from '../../scalar/build.ts'
import { openScope, type ScheduleContext } from '../scope/context.ts'
import { describe, kernelName } from '../scope/describe.ts'
import { linearise } from '../scope/indexing.ts'
import type { KernelProgram } from '../ir/kernel.ts'
import type { Group } from '../group.ts'
import {
  THREAD,
  WORKGROUP,
  define,
  mutable,
  assign,
  setElement,
  store,
  when,
  loopOver,
  loopTo,
  sharedLoop,
  BARRIER,
} from '../../scalar/statements.ts'

const THREADS = 64

export function sortKernel(group: Group, context: ScheduleContext): KernelProgram {
  const node = group.anchor as Node & { op: 'sort_by_expert' }
  const [ids, counts] = node.inputs
  const { experts, block, tile } = node.params
  const scope = openScope(context, group.members)
  const [expertBuffer, countBuffer] = [scope.bufferOf(ids), scope.bufferOf(counts)]
  const out = scope.naming.write(node)

  const each = constantValue(ids.shape[1])!
  const rows = size(product(ids.shape))
  const blocks = size(counts.shape[0])
  const tiles = size(tileCount(product(ids.shape), experts, tile))
  const expert = variable('u32', 'expert')

  const countAt = (at: Expression): Expression => cast('u32', load('i32', countBuffer, linearise([at, expert], counts.shape)))
  const b = variable('u32', 'b')
  const total = reduce('sum', 'b', blocks, countAt(b))
  const earlier = reduce('sum', 'b', WORKGROUP, countAt(b))
  const totalOf = (e: Expression): Expression => element('u32', 'totals', e)
  const ceilTile = (n: Expression): Expression => divide(add(n, u32(tile - 1)), u32(tile))
  const l = variable('u32', 'l')
  const rowsBelow = reduce('sum', 'l', expert, totalOf(l))
  const tilesBelow = (e: Expression): Expression => reduce('sum', 'l', e, ceilTile(totalOf(l)))
  const put = (index: Expression, value: Expression): Statement => store(out, index, cast('i32', value))
  const entryWord = (t: Expression, word: number): Expression => add(add(rows, multiply(t, u32(ENTRY.words))), u32(word))

  const forMyExperts = (body: readonly Statement[]): Statement => sharedLoop('expert', u32(experts), THREADS, () => body)
  const place = variable('u32', 'place')
  const row = variable('u32', 'row')
  const first = multiply(WORKGROUP, u32(block * each))
  const walk: Statement[] = [
    mutable('place', add(rowsBelow, earlier)),
    loopOver('row', first, binary('minimum', rows, add(first, u32(block * each))), u32(1), () => [
      when(binary('equal', cast('u32', load('i32', expertBuffer, row)), expert), [
        put(place, row),
        assign('place', add(place, u32(1))),
      ]),
    ]),
  ]
  const t = variable('u32', 't')
  const myTiles: Statement[] = [
    define('first_tile', tilesBelow(expert)),
    define('first_row', rowsBelow),
    loopTo('t', ceilTile(totalOf(expert)), () => [
      put(entryWord(add(variable('u32', 'first_tile'), t), ENTRY.expert), expert),
      put(
        entryWord(add(variable('u32', 'first_tile'), t), ENTRY.first),
        add(variable('u32', 'first_row'), multiply(t, u32(tile))),
      ),
    ]),
  ]
  const noTiles: Statement[] = [
    define('used', tilesBelow(u32(experts))),
    define('ordered', reduce('sum', 'l', u32(experts), totalOf(l))),
    loopOver('t', add(variable('u32', 'used'), THREAD), tiles, u32(THREADS), () => [
      store(out, entryWord(t, ENTRY.expert), literal('i32', ABSENT)),
      put(entryWord(t, ENTRY.first), variable('u32', 'ordered')),
    ]),
  ]
  return {
    name: kernelName(group, 'sort'),
    template: 'sort by expert',
    reason: 'a workgroup per block of tokens, an invocation per expert; no atomics',
    buffers: scope.naming.buffers(),
    computation: {
      kind: 'workgroups',
      // at least one: without rows, all entries of tiles are still marked as unused
      workgroups: addDims(floorDivide(ids.shape[0], block), 1),
      workgroupSize: THREADS,
      shared: [{ name: 'totals', type: 'u32', length: experts }],
      body: [
        forMyExperts([setElement('totals', expert, total)]),
        BARRIER,
        forMyExperts(walk),
        when(binary('equal', WORKGROUP, u32(0)), [forMyExperts(myTiles), ...noTiles]),
      ],
    },
    origin: group.anchor.origin,
    does: describe(group),
  }
}

/** The expert histogram of each block, where no gating kernel computes it. */
export function histogramKernel(group: Group, context: ScheduleContext): KernelProgram {
  const node = group.anchor as Node & { op: 'expert_histogram' }
  const [ids] = node.inputs
  const { experts, block } = node.params
  const scope = openScope(context, group.members)
  const from = scope.bufferOf(ids)
  const out = scope.naming.write(node)
  const each = constantValue(ids.shape[1])!
  const expert = variable('u32', 'expert')
  const first = multiply(WORKGROUP, u32(block * each))
  const filled = binary('subtract', binary('minimum', size(product(ids.shape)), add(first, u32(block * each))), first)
  const isMine = binary('equal', load('i32', from, add(first, variable('u32', 'r'))), cast('i32', expert))
  const count = reduce('sum', 'r', filled, select(isMine, literal('i32', 1), literal('i32', 0)))
  return {
    name: kernelName(group, 'histogram'),
    template: 'expert histogram',
    reason: 'a workgroup per block of tokens, an invocation per expert; no atomics',
    buffers: scope.naming.buffers(),
    computation: {
      kind: 'workgroups',
      workgroups: node.shape[0],
      workgroupSize: THREADS,
      shared: [],
      body: [sharedLoop('expert', u32(experts), THREADS, () => [store(out, linearise([WORKGROUP, expert], node.shape), count)])],
    },
    origin: group.anchor.origin,
    does: describe(group),
  }
}
