/**
 * What each requirement makes of random choices, against its meaning in plain loops; kept and dropped slots are all there are.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Graph } from '../../compiler/graph/node.ts'
import { byReference, layerGraph, wantedOf, wrongIn } from '../support/routed/check.ts'
import { CONSTRAINTS, CORNERS, type Case } from '../support/routed/cases.ts'
import { decide, loadsOf } from '../support/routed/law.ts'
import { textOf, weightsOf, type Layer } from '../support/routed/layer.ts'
import { scoresOf } from '../support/routed/tokens.ts'
import { assertProperty } from '../support/property.ts'
import { inRun, MORE_IN_LONG } from '../support/runs.ts'

const graphs = new Map<string, Graph>()

/** Sizes repeat: each layer is lowered once. */
function graphOf(layer: Layer): Graph {
  const text = textOf(layer)
  const graph = graphs.get(text) ?? layerGraph(layer, true)
  graphs.set(text, graph)
  return graph
}

function holds({ layer, problem }: Case): void {
  const weights = weightsOf(layer, problem.seed)
  const wanted = wantedOf(layer, weights, problem)
  expect(wrongIn(layer, wanted, byReference(layer, graphOf(layer), weights, wanted.tokens))).toBe(null)
}

describe.each(Object.entries(CONSTRAINTS))('%s', (_, rules) => {
  test.each(Object.entries(CORNERS))('%s', MORE_IN_LONG, (name, corner) =>
    assertProperty(
      fc.property(corner(rules), holds),
      name === 'anything' ? inRun({ short: 12, long: 50, whole: 50 }) : inRun({ short: 3, long: 12, whole: 12 }),
    ),
  )
})

describe('the corners are what they say', () => {
  const plain = CONSTRAINTS.dropless
  const law = (corner: keyof typeof CORNERS, check: (one: Case, loads: readonly number[]) => void): void =>
    assertProperty(
      fc.property(CORNERS[corner](plain), (one) => {
        check(one, loadsOf(decide(scoresOf(one.problem, one.layer), one.layer).ids, one.layer.E))
      }),
    )

  test('all tokens to one expert', () =>
    law('all tokens to one expert', ({ problem }, loads) => expect(Math.max(...loads)).toBe(problem.T)))
  test('none to an expert', () => law('none to an expert', (_, loads) => expect(Math.min(...loads)).toBe(0)))
  test('k = E', () => law('k = E', ({ problem }, loads) => expect(new Set(loads)).toEqual(new Set([problem.T]))))
  test('T = 1', () => law('T = 1', ({ layer }, loads) => expect(loads.filter((load) => load > 0).length).toBe(layer.k)))
})
