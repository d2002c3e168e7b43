/** What each pass changed, counted by op, the rewrites that fired in it, and the graph that the last one leaves. */
import { print } from '../../compiler/graph/print.ts'
import type { Graph } from '../../compiler/graph/node.ts'
import { nodesOf } from '../../compiler/graph/walk.ts'
import type { CompiledProgram } from '../../compiler/compile.ts'
import { passes, type PassTrace } from '../../compiler/passes/pipeline.ts'
import { plural } from '../output.ts'

function countOps(graph: Graph): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { op } of nodesOf(graph)) counts.set(op, (counts.get(op) ?? 0) + 1)
  return counts
}

/** `transpose 8 -> 0`, for every op whose count differs. */
export function opChanges(before: Graph, after: Graph): readonly string[] {
  const [was, is] = [countOps(before), countOps(after)]
  return [...new Set([...was.keys(), ...is.keys()])].sort().flatMap((op) => {
    const [from, to] = [was.get(op) ?? 0, is.get(op) ?? 0]
    return from === to ? [] : [`${op} ${from} -> ${to}`]
  })
}

/** `transpose-of-transpose 8, multiply-by-one 1`: how often each rewrite of a pass fired. */
const firedText = (fired: PassTrace['fired']): string =>
  Object.entries(fired)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')

function passLines(at: number, { pass, graph, fired }: PassTrace, before: Graph): readonly string[] {
  const changes = opChanges(before, graph)
  const same = print(before) === print(graph) ? 'nothing to do' : 'the same ops, in another arrangement'
  const why = passes[at]?.name === pass ? `   (${passes[at].why})` : ''
  const line = `  ${pass}: ${changes.length === 0 ? same : changes.join(', ')}${why}`
  return Object.keys(fired).length === 0 ? [line] : [line, `    fired: ${firedText(fired)}`]
}

export function describePasses(start: Graph, { name, trace }: CompiledProgram): string {
  const lines = trace.flatMap((one, at) => passLines(at, one, at === 0 ? start : trace[at - 1].graph))
  const last = trace.at(-1)?.graph ?? start
  return `program ${name}, from ${plural(nodesOf(start).length, 'node')} to ${nodesOf(last).length}\n${lines.join('\n')}\n\n${print(last).trimEnd()}\n`
}
