/** Kernels of fused attention and of its gradients. */
import { constantValue, ONE } from '../../../plan/dim.ts'
import { tilesFor } from '../../../plan/tiles.ts'
import type { Node } from '../../graph/node.ts'
import type { AttentionParams, OpName } from '../../graph/vocabulary.ts'
import { attentionSizes, optionalOperands } from '../../ops/attention.ts'
import type { Group } from '../group.ts'
import type { Attention, AttentionBuffer, AttentionRole } from '../ir/attention.ts'
import type { KernelProgram } from '../ir/kernel.ts'
import { openScope, type ScheduleContext } from '../scope/context.ts'
import { describe, kernelName } from '../scope/describe.ts'

type AttentionNode = Extract<Node, { readonly params: AttentionParams }>

/** The ops that one kernel computes, and the buffer of each result. */
const ROLES: { readonly [R in AttentionRole]: { readonly [N in OpName]?: AttentionBuffer } } = {
  forward: { attention: 'result', attention_lse: 'lse_result' },
  query_gradient: { attention_query_gradient: 'query_result' },
  key_gradient: { attention_key_gradient: 'key_result', attention_value_gradient: 'value_result' },
}

const WHAT: { readonly [R in AttentionRole]: string } = {
  forward: 'attention',
  query_gradient: 'attention_query_gradient',
  key_gradient: 'attention_key_gradient',
}

const roleOf = ({ op }: Node): AttentionRole | null =>
  (Object.keys(ROLES) as AttentionRole[]).find((role) => ROLES[role][op] !== undefined) ?? null

/** Query and key; the value, where the op has it; then what rows of queries left behind, the mask and sinks. */
function operandsOf({ op, inputs }: Node): Readonly<Partial<Record<AttentionBuffer, Node>>> {
  const [query, key, ...others] = inputs
  const isForward = roleOf({ op } as Node) === 'forward'
  const value = op === 'attention_lse' ? {} : { value: others[0] }
  const saved = isForward ? {} : { cotangent: others[1], lse: others[2], delta: others[3] }
  const { mask, sinks, past } = optionalOperands(others.slice(op === 'attention_lse' ? 0 : isForward ? 1 : 4))
  const present = Object.entries({ mask, sinks, past }).filter((entry): entry is [string, Node] => entry[1] !== null)
  return { query, key, ...value, ...saved, ...Object.fromEntries(present) }
}

/** Whether one kernel computes two nodes: they have a role, operands and scores in common. */
export function sharesScores(a: Node, b: Node): boolean {
  const role = roleOf(a)
  if (role === null || a.op === b.op || roleOf(b) !== role) return false
  const [one, other] = [operandsOf(a), operandsOf(b)]
  const names = [
    'query',
    'key',
    'mask',
    'sinks',
    'past',
    ...(role === 'forward' ? [] : ['value', 'cotangent', 'lse', 'delta']),
  ] as const
  const [x, y] = [a, b].map(({ params }) => params as AttentionParams)
  const areScoresEqual = x.scale === y.scale && x.cap === y.cap && x.before === y.before && x.after === y.after
  return areScoresEqual && names.every((name) => one[name as AttentionBuffer] === other[name as AttentionBuffer])
}

export function attentionKernel(group: Group, context: ScheduleContext): KernelProgram {
  const anchor = group.anchor as AttentionNode
  const role = roleOf(anchor)!
  const { scale, cap, before, after } = anchor.params
  const stored = context.fusion.results(group)
  // of the members, the one with the most operands has all that the others have
  const operands = operandsOf([...group.members].toSorted((a, b) => b.inputs.length - a.inputs.length)[0])
  const sizes = attentionSizes(operands.query!.shape, operands.key!.shape)
  const scope = openScope(context, group.members)
  const results = Object.fromEntries(stored.map((node) => [ROLES[role][node.op]!, node]))
  const isUnread = (name: string): boolean =>
    name === 'value' &&
    (role === 'forward' ? results.result === undefined : role === 'key_gradient' && results.key_result === undefined)
  const read = Object.entries(operands)
    .filter(([name]) => !isUnread(name))
    .map(([name, node]) => [name, scope.bufferOf(node)] as const)
  const written = Object.entries(results).map(([name, node]) => [name, scope.naming.write(node)] as const)
  const attention: Attention = {
    role,
    ...sizes,
    C: constantValue(sizes.C)!,
    W: operands.value === undefined ? 0 : constantValue(operands.value.shape[3])!,
    rows: tilesFor(context.target).attention.rows,
    scale,
    cap,
    before,
    after,
    maskAxes: operands.mask === undefined ? [false, false, false, false, false] : operands.mask.shape.map((size) => size !== ONE),
    buffers: Object.fromEntries([...read, ...written]),
  }
  return {
    name: kernelName(group, WHAT[role]),
    template: 'attention',
    reason: 'online softmax: a block of rows goes through those it is paired with; scores are never stored',
    buffers: scope.naming.buffers(),
    computation: { kind: 'attention', attention },
    origin: anchor.origin,
    does: describe(group),
  }
}
