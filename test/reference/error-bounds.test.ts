/**
 * Bounds of rounding errors: random graphs evaluated in emulated f32 and in perturbed f64 stay within them, and faults do not.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Node } from '../../compiler/graph/node.ts'
import { parse } from '../../compiler/graph/parse.ts'
import { nodesOf } from '../../compiler/graph/walk.ts'
import { createBuilder } from '../../compiler/ops/build.ts'
import { evaluateBounded, type Bounded } from '../../compiler/reference/error-bounds.ts'
import { evaluateNode, surround, type Feeds } from '../../compiler/reference/evaluate.ts'
import { chain, F32, F64 } from '../../compiler/reference/precision.ts'
import { hostTensor, type HostTensor } from '../../compiler/reference/tensor.ts'
import { attentionFeeds, attentionGraphs, PLAIN } from '../support/attention.ts'
import { samples } from '../support/random-graph.ts'
import { assertProperty } from '../support/property.ts'

const ITERATIVE = new Set(['svd', 'sinkhorn', 'sinkhorn_gradient'])

/** Each node in f64, rounded to f32. */
function inF32(nodes: readonly Node[], surroundings: ReturnType<typeof surround>): ReadonlyMap<Node, HostTensor> {
  const values = new Map<Node, HostTensor>()
  for (const node of nodes) {
    const operands = node.inputs.map((input) => values.get(input)!)
    const { shape, dtype, values: numbers } = evaluateNode(node, operands, surroundings)
    values.set(node, hostTensor(shape, dtype, dtype === 'f32' ? numbers.map(Math.fround) : numbers))
  }
  return values
}

const isWithin = (got: number, { value, error }: Bounded, at: number): boolean => {
  const want = value.values[at]
  if (got === want || error[at] === Infinity || (Number.isNaN(got) && Number.isNaN(want))) return true
  // beyond the range of f32
  if (Math.abs(want) + error[at] >= F32.largest) return true
  return Math.abs(got - want) <= 2 * error[at] + 2 * F32.roundoff * Math.abs(want) + F32.smallest
}

test('random graphs in f32 stay within the bounds', () => {
  assertProperty(
    fc.property(samples(60), ({ graph, feeds }) => {
      const nodes = nodesOf(graph)
      if (nodes.some(({ op }) => ITERATIVE.has(op))) return
      const surroundings = surround(graph, feeds)
      const bounded = evaluateBounded(nodes, new Map(), surroundings, F32)
      const wrong = [...inF32(nodes, surroundings)].flatMap(([node, { values }]) =>
        [...values].flatMap((value, at) =>
          isWithin(value, bounded.get(node)!, at)
            ? []
            : [
                `%${node.id} ${node.op}[${at}] is ${value}, not ${bounded.get(node)!.value.values[at]} +- ${bounded.get(node)!.error[at]}`,
              ],
        ),
      )
      expect(wrong).toEqual([])
    }),
    60,
  )
})

const bounds = (text: string, inputs: Record<string, readonly number[]>, precision = F64): Bounded => {
  const graph = parse(`graph "g"\n${text}\noutput "y" = %${text.split('\n').length - 1}`, createBuilder().make)
  const feeds: Feeds = {
    inputs: Object.fromEntries(
      Object.entries(inputs).map(([name, values]) => [name, hostTensor([values.length], 'f32', Float64Array.from(values))]),
    ),
    weights: {},
  }
  const [{ node }] = graph.outputs
  return evaluateBounded([node], new Map(), surround(graph, feeds), precision).get(node)!
}
const X = '%0 = input name "x" : f32[3]'

test('movement and comparisons of exact values are exact', () => {
  expect(bounds(`${X}\n%1 = broadcast(%0) axes [1] : f32[2, 3]`, { x: [1, 2, 3] }).error.every((e) => e === 0)).toBe(true)
  expect(bounds(`${X}\n%1 = less(%0, %0) : bool[3]`, { x: [1, 2, 3] }).error).toEqual(Float64Array.of(0, 0, 0))
})

test('a sum has the error of a chain of additions', () => {
  const { error } = bounds(`${X}\n%1 = sum(%0) axis 0 : f32[]`, { x: [1, -2, 4] }, F32)
  expect(error[0]).toBeCloseTo(7 * chain(3, F32), 12)
})

test('a decision between values closer together than their errors is undetermined', () => {
  const scores = `${X}\n%1 = exp(%0) : f32[3]\n%2 = top_k(%1) k 1 : i32[1]`
  expect(bounds(scores, { x: [1, 2, 3] }, F32).error).toEqual(Float64Array.of(0))
  expect(bounds(scores, { x: [1, 2, 2 + 2 ** -30] }, F32).error).toEqual(Float64Array.of(Infinity))
  const picked = `${scores}\n%3 = take(%0, %2) : f32[1]`
  expect(bounds(picked, { x: [1, 2, 2 + 2 ** -30] }, F32).error).toEqual(Float64Array.of(Infinity))
})

test('a quotient by what may be zero is undetermined', () => {
  const text = `${X}\n%1 = exp(%0) : f32[3]\n%2 = subtract(%1, %1) : f32[3]\n%3 = divide(%0, %2) : f32[3]`
  expect([...bounds(text, { x: [1, 2, 3] }, F32).error]).toEqual([Infinity, Infinity, Infinity])
})

test('rows of an attention that see no key leave the bounds of the others as they are', () => {
  // the third sequence has no token, and its log-sum-exp is the lowest f32
  const form = { ...PLAIN, B: 3, padded: true }
  const { fused } = attentionGraphs(form)
  const gradients = nodesOf(fused).filter(({ op }) => op.startsWith('attention_') && op.endsWith('_gradient'))
  const bounded = evaluateBounded(gradients, new Map(), surround(fused, attentionFeeds(form, 1)), F32)
  expect(gradients).toHaveLength(3)
  for (const { error } of bounded.values()) expect(error.reduce((a, b) => Math.max(a, b))).toBeLessThan(1e-3)
})
