/** Graphs from pass to pass, in f64: the first pass after which an output has another value. */
import type { Graph, Node } from '../../compiler/graph/node.ts'
import { plural } from '../output.ts'
import { align, evaluated, type Aligned, type Evaluated } from './align.ts'
import { NOTHING, together } from './compare.ts'
import type { Feeds } from '../../compiler/reference/evaluate.ts'
import type { Finding, Stage } from './stage.ts'

/**
 * The node that a wrong value begins at: from the output along operands that the graph before did not have either, to one whose
 * operands it all had.
 */
function beginningOf(output: Node, aligned: Aligned): Node {
  const unknown = output.inputs.find((input) => !aligned.isMatched(input))
  return unknown === undefined ? output : beginningOf(unknown, aligned)
}

function findingOf(pass: string, { graph }: Evaluated, aligned: Aligned): Finding | null {
  const at = aligned.outputs.findIndex(({ mismatch }) => mismatch !== null)
  if (at < 0) return null
  const { name, node } = graph.outputs[at]
  const begins = beginningOf(node, aligned)
  const where = begins === node ? '' : `, which begins to differ at %${begins.id} ${begins.op}`
  return {
    message: `${pass} changes a value`,
    mismatch: aligned.outputs[at].mismatch!,
    value: `output ${name}${where}`,
    node: begins,
    kernel: null,
  }
}

/** The outputs of a graph beside those of the graph before. */
export function comparePass(name: string, before: Evaluated, after: Evaluated): Stage {
  const aligned = align(before, after)
  return {
    name,
    compared: plural(aligned.outputs.length, 'output'),
    comparison: together(aligned.outputs),
    finding: findingOf(name, after, aligned),
  }
}

export interface Traced {
  readonly stages: readonly Stage[]
  readonly last: Evaluated
}

type Trace = readonly { readonly pass: string; readonly graph: Graph }[]

/** The number of passes that change the graph: the others are not evaluated. */
export const countChanges = (first: Graph, trace: Trace): number =>
  trace.filter(({ graph }, at) => graph !== (at === 0 ? first : trace[at - 1].graph)).length

/** Each pass beside the one before; ends with the first that differs. Calls `onDone` after each that changes the graph. */
export function comparePasses(program: string, first: Evaluated, trace: Trace, feeds: Feeds, onDone: () => void): Traced {
  const stages: Stage[] = []
  let last = first
  for (const { pass, graph } of trace) {
    const name = `pass ${pass} of program ${program}`
    if (graph === last.graph) {
      stages.push({ name, compared: 'unchanged', comparison: NOTHING, finding: null })
      continue
    }
    const next = evaluated(graph, feeds)
    stages.push(comparePass(name, last, next))
    last = next
    onDone()
    if (stages.at(-1)!.finding !== null) break
  }
  return { stages, last }
}
