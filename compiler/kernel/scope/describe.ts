/** Words about a group, for names and listings. */
import { records } from '../../ops/records.ts'
import type { Group } from '../group.ts'

const QUIET = new Set(['movement', 'leaf'])

/** `grouped_matmul x2, multiply, sigmoid` */
export function describe(group: Group): string {
  const counts = new Map<string, number>()
  for (const node of [...group.members].sort((a, b) => a.id - b.id)) {
    if (!QUIET.has(records[node.op].kind)) counts.set(node.op, (counts.get(node.op) ?? 0) + 1)
  }
  if (counts.size === 0) return group.anchor.op
  return listOps(counts)
}

/** Op -> how many: `sum x2, exp`. */
export const listOps = (counts: ReadonlyMap<string, number>): string =>
  [...counts].map(([op, count]) => (count > 1 ? `${op} x${count}` : op)).join(', ')

/** The last part of the instance without its number, and what is done: `moe_router`. */
export function kernelName(group: Group, what: string): string {
  const place = group.anchor.origin.instance
    .split(/[/.]/)
    .filter((part) => part !== '' && !/^\d+$/.test(part))
    .at(-1)
  return [place, what]
    .filter((part) => part !== undefined)
    .join('_')
    .replace(/\W/g, '_')
}
