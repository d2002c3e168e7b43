import fc from 'fast-check'
import { expect, it } from 'vitest'
import { nodesOf } from '../../compiler/graph/walk.ts'
import { OP_NAMES } from '../../compiler/graph/params.ts'
import { records } from '../../compiler/ops/records.ts'
import { APART, samples } from './random-graph.ts'

it('random graphs reach every op that a lowered graph may hold', () => {
  const met = new Set(fc.sample(samples(), { numRuns: 300, seed: 7 }).flatMap(({ graph }) => nodesOf(graph).map(({ op }) => op)))
  expect(OP_NAMES.filter((op) => records[op].since === 'source' && !APART.has(op) && !met.has(op))).toEqual([])
})
