/**
 * Sorts rows by their expert from the counts of each block: a workgroup a block, a lane an expert (or several). No atomics: a lane writes
 * the rows of its own experts alone, in ascending order, behind those of earlier blocks and lower experts. Rows without an expert stand in no tile.
 */
import { add as addDims, ceilDivide, constantValue, floorDivide, product, type Dim } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
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
import type { KernelProgram } from '../ir/kernel.ts'
import type { Group } from '../group.ts'

const LANES = 64

export function sortKernel(group: Group, context: ScheduleContext): KernelProgram {
  const node = group.anchor as Node & { op: 'sort_by_expert' }
  const [ids, counts] = node.inputs
  const { experts, block, tile } = node.params
  const scope = openScope(context, group.members)
  const [expertBuffer, countBuffer] = [scope.bufferOf(ids), scope.bufferOf(counts)]
  const out = scope.naming.write(node)

  const each = constantValue(ids.shape[1])!
  const rows = size(product(ids.shape))
  const blocks = size(ceilDivide(ids.shape[0], block))
  const tiles = size(tileCount(node))
  const workgroup = variable('u32', 'workgroup')
  const lane = variable('u32', 'thread')
  const expert = variable('u32', 'expert')

  const countAt = (at: Expression): Expression => cast('u32', load('i32', countBuffer, add(multiply(at, u32(experts)), expert)))
  const b = variable('u32', 'b')
  const total = reduce('sum', 'b', blocks, countAt(b))
  const earlier = reduce('sum', 'b', workgroup, countAt(b))
  const totalOf = (e: Expression): Expression => element('u32', 'totals', e)
  const ceilTile = (n: Expression): Expression => divide(add(n, u32(tile - 1)), u32(tile))
  const l = variable('u32', 'l')
  const rowsBelow = reduce('sum', 'l', expert, totalOf(l))
  const tilesBelow = (e: Expression): Expression => reduce('sum', 'l', e, ceilTile(totalOf(l)))
  const put = (index: Expression, value: Expression): Statement => ({
    kind: 'store',
    buffer: out,
    index,
    value: cast('i32', value),
  })
  const tileEntry = (t: Expression, which: number): Expression => add(add(rows, multiply(t, u32(2))), u32(which))

  const forMyExperts = (body: readonly Statement[]): Statement => ({
    kind: 'for',
    variable: 'expert',
    from: lane,
    below: u32(experts),
    step: u32(LANES),
    body,
  })
  const place = variable('u32', 'place')
  const row = variable('u32', 'row')
  const first = multiply(workgroup, u32(block * each))
  const walk: Statement[] = [
    { kind: 'var', name: 'place', value: add(rowsBelow, earlier) },
    {
      kind: 'for',
      variable: 'row',
      from: first,
      below: binary('minimum', rows, add(first, u32(block * each))),
      step: u32(1),
      body: [
        {
          kind: 'if',
          condition: binary('equal', cast('u32', load('i32', expertBuffer, row)), expert),
          otherwise: [],
          body: [put(place, row), { kind: 'assign', name: 'place', value: add(place, u32(1)) }],
        },
      ],
    },
  ]
  const t = variable('u32', 't')
  const myTiles: Statement[] = [
    { kind: 'let', name: 'first_tile', value: tilesBelow(expert) },
    { kind: 'let', name: 'first_row', value: rowsBelow },
    {
      kind: 'for',
      variable: 't',
      from: u32(0),
      below: ceilTile(totalOf(expert)),
      step: u32(1),
      body: [
        put(tileEntry(add(variable('u32', 'first_tile'), t), 0), expert),
        put(tileEntry(add(variable('u32', 'first_tile'), t), 1), add(variable('u32', 'first_row'), multiply(t, u32(tile)))),
      ],
    },
  ]
  const noTiles: Statement[] = [
    { kind: 'let', name: 'used', value: tilesBelow(u32(experts)) },
    { kind: 'let', name: 'ordered', value: reduce('sum', 'l', u32(experts), totalOf(l)) },
    {
      kind: 'for',
      variable: 't',
      from: add(variable('u32', 'used'), lane),
      below: tiles,
      step: u32(LANES),
      body: [
        { kind: 'store', buffer: out, index: tileEntry(t, 0), value: literal('i32', -1) },
        put(tileEntry(t, 1), variable('u32', 'ordered')),
      ],
    },
  ]
  return {
    name: kernelName(group, 'sort'),
    template: 'sort by expert',
    reason: 'a workgroup per block of tokens, an invocation per expert; no atomics',
    buffers: scope.naming.buffers(),
    computation: {
      kind: 'workgroups',
      // one at least: without rows, the tiles still say that they are unused
      workgroups: addDims(floorDivide(ids.shape[0], block), 1),
      workgroupSize: LANES,
      shared: [{ name: 'totals', type: 'u32', length: experts }],
      body: [
        forMyExperts([{ kind: 'assign-element', array: 'totals', index: expert, value: total }]),
        { kind: 'barrier' },
        forMyExperts(walk),
        { kind: 'if', condition: binary('equal', workgroup, u32(0)), body: [forMyExperts(myTiles), ...noTiles], otherwise: [] },
      ],
    },
    origin: group.anchor.origin,
    does: describe(group),
  }
}

/** No more tiles than this are ever in use: each expert's last one may be part full. */
export const tileCount = (node: Node & { op: 'sort_by_expert' }): Dim =>
  addDims(ceilDivide(product(node.inputs[0].shape), node.params.tile), node.params.experts)

/** Counts the experts of a block where no router does it in passing. */
export function histogramKernel(group: Group, context: ScheduleContext): KernelProgram {
  const node = group.anchor as Node & { op: 'expert_histogram' }
  const [ids] = node.inputs
  const { experts, block } = node.params
  const scope = openScope(context, group.members)
  const from = scope.bufferOf(ids)
  const out = scope.naming.write(node)
  const each = constantValue(ids.shape[1])!
  const workgroup = variable('u32', 'workgroup')
  const expert = variable('u32', 'expert')
  const first = multiply(workgroup, u32(block * each))
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
      workgroups: ceilDivide(ids.shape[0], block),
      workgroupSize: LANES,
      shared: [],
      body: [
        {
          kind: 'for',
          variable: 'expert',
          from: variable('u32', 'thread'),
          below: u32(experts),
          step: u32(LANES),
          body: [{ kind: 'store', buffer: out, index: add(multiply(workgroup, u32(experts)), expert), value: count }],
        },
      ],
    },
    origin: group.anchor.origin,
    does: describe(group),
  }
}
