/** A node after any pass has the origin of a node of the lowered graph: that is how it is traced to the spec. */
import { expect, it } from 'vitest'
import { nodesOf } from '../../compiler/graph/walk.ts'
import { compileTraining } from '../../compiler/train.ts'
import { optimise } from '../../compiler/passes/pipeline.ts'
import { load, read, root } from '../support/sources.ts'

const source = read(`${root}examples/11-train-a-small-model.smoe`)
const { graphs } = compileTraining(source, { load, set: { L: 1, F: 8, D: 8, H: 2, E: 4, V: 9 } })

it.each(['decode', 'prefill'] as const)('passes make no origin of their own, %s', (variant) => {
  const graph = graphs!.step([], false)
  const origins = new Set(nodesOf(graph).map(({ origin }) => origin))
  const { trace } = optimise(graph, { variant, block: 4, tile: 4 })
  const strangers = trace.flatMap(({ pass, graph: after }) =>
    nodesOf(after).flatMap((node) => (origins.has(node.origin) ? [] : [`${pass}: %${node.id} ${node.op}`])),
  )
  expect(strangers).toEqual([])
  expect(trace.at(-1)!.graph).not.toBe(graph)
})
