import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { GraphSyntaxError } from '../../compiler/graph/cursor.ts'
import type { Graph, Node } from '../../compiler/graph/node.ts'
import { parse } from '../../compiler/graph/parse.ts'
import { print } from '../../compiler/graph/print.ts'
import { verify } from '../../compiler/graph/verify.ts'
import { nodesOf } from '../../compiler/graph/walk.ts'
import { createBuilder } from '../../compiler/ops/build.ts'
import { specOf } from '../../compiler/ops/spec.ts'
import { optimise } from '../../compiler/passes/pipeline.ts'
import { samples } from '../support/random-graph.ts'
import { assertProperty } from '../support/property.ts'

const read = (text: string): Graph => parse(text, createBuilder().make)

/** All of a graph that its text keeps. */
function plain(graph: Graph): unknown {
  const numbers = new Map<Node, number>(nodesOf(graph).map((node, i) => [node, i]))
  const nodes = [...numbers.keys()].map(({ op, inputs, params, shape, dtype, origin }) => ({
    op,
    params,
    shape,
    dtype,
    instance: origin.instance,
    inputs: inputs.map((input) => numbers.get(input)),
  }))
  const ports = graph.outputs.map((output) => ({ ...output, node: numbers.get(output.node) }))
  return { ...graph, nodes, inputs: graph.inputs.map((input) => numbers.get(input)), outputs: ports }
}

describe('print and parse', () => {
  it('are inverse on graphs as lowered and as optimised', () => {
    assertProperty(
      fc.property(samples(), fc.boolean(), ({ graph }, optimised) => {
        const given = optimised ? optimise(graph, { variant: 'prefill', tile: 8, block: 16 }).graph : graph
        const back = read(print(given))
        expect(plain(back)).toEqual(plain(given))
        expect(print(back)).toBe(print(given))
      }),
      200,
    )
  })

  it('show a graph as it is read best', () => {
    const text = `graph "router" "Scores of experts."
dim T "tokens"
doc "T" "tokens"
%0 = input name "x" : f32[T, 32]
%1 = weight name "gate" source stack ["a.weight"[:, 0:-1:2, 3].T, "b.weight"] doc "" : f32[2, 32]
%2 = constant values [-0, inf, nan, 1e-7] : f32[4]
%3 = contract(%0, %1) batch [] over [[1, 1]] : f32[T, 2] @ "layers.0/moe"
%4 = slice(%3) starts [floor(T, 2), 0] steps [1, 1] : f32[T + -1*floor(T, 2), 2]
%5 = top_k(%4) k 2 : i32[T + -1*floor(T, 2), 2]
%6 = variable role gradient of "gate" : f32[2, 32]
output "ids" = %5 "the experts"
output "odd" = %2
output "moved" = %1 replaces "gate" "as it was"
output "new" = %2 replaces "table"
output "loss.layers.0.moe.router.z" = %2 as loss path "layers.0.moe.router" term "z" "the size"
output "gradient.gate" = %6 as gradient of "gate" replaces "gradient.gate"
`
    expect(print(read(text))).toBe(text)
  })

  it.each([
    ['%0 = input name "x" : f32[B', "line 1: expected ']'"],
    ['%0 = nothing : f32[]', "line 1: 'nothing' is not an op"],
    ['\n%0 = exp(%1) : f32[]', 'line 2: there is no node %1 above this line'],
    ['%0 = iota : f32[4]', 'line 1: %0 is i32[4]'],
    ['%0 = iota : i32[4] 5', 'line 1: there is more on the line than it takes'],
    ['%0 = iota : i32[4]\n%0 = iota : i32[4]', 'line 2: %0 stands twice'],
    ['%0 = iota : i32[4]\n%1 = reshape(%0) : i32[5]', 'line 2: reshape: [4] has 4 elements, [5] has 5'],
    ['%0 = iota : u8[4]', "line 1: 'u8' is not a dtype"],
    ['%0 = iota : i32[4 +]', 'line 1: the dimension'],
    ['colour blue', "line 1: 'colour' begins no line"],
    ['%0 = sum(%1) axis 0 : f32[]', 'line 1: there is no node'],
    ['graph g', 'line 1: expected a string'],
    ['%0 = iota : i32[4]\noutput "y" = %0 as answer', "line 2: 'answer' is not a role of an output"],
    ['%0 = variable role norm : f32[2]', 'line 1: no variable has the role norm'],
    [
      '%0 = iota : i32[4]\noutput "y" = %0 as routing layer "moe" part "some"',
      "line 2: part is one of selected, weights, spilled, rows, norms, change, similarity, not 'some'",
    ],
  ])('refuse %j', (text, message) => {
    expect(() => read(text)).toThrow(GraphSyntaxError)
    expect(() => read(text)).toThrow(message)
  })
})

describe('verify', () => {
  const given = (): Graph =>
    read(
      'graph "g"\ndim B\n%0 = input name "x" : f32[B]\n%1 = weight name "w" source ["w"] doc "" : f32[2]\n%2 = exp(%0) : f32[B]\noutput "y" = %2\noutput "w" = %1\n',
    )
  const complaints = (graph: Graph, stage: 'source' | 'optimised' = 'source'): readonly string[] => verify(graph, specOf(stage))
  const withNode = (graph: Graph, change: object): Graph => ({
    ...graph,
    outputs: [{ ...graph.outputs[0], node: Object.freeze({ ...graph.outputs[0].node, ...change }) as Node }, graph.outputs[1]],
  })

  it('accepts a graph as it should be, random ones included', () => {
    expect(complaints(given())).toEqual([])
    assertProperty(
      fc.property(samples(), ({ graph }) => {
        expect(complaints(graph)).toEqual([])
      }),
      50,
    )
  })

  it.each<[string, (graph: Graph) => Graph, string]>([
    ['an undeclared dim', (graph) => ({ ...graph, dims: [] }), 'uses the undeclared dimension B'],
    ['a wrong shape', (graph) => withNode(graph, { shape: [] }), 'is f32[], inferred f32[B]'],
    ['a wrong dtype', (graph) => withNode(graph, { dtype: 'i32' }), 'is i32[B], inferred f32[B]'],
    ['an id that does not ascend', (graph) => withNode(graph, { id: 0 }), 'which is not below it'],
    ['ids that stand twice', (graph) => withNode(graph, { id: 1 }), 'id 1 stands twice'],
    [
      'a node that is not frozen',
      (graph) => ({ ...graph, outputs: [{ ...graph.outputs[0], node: { ...graph.outputs[0].node } as Node }] }),
      'is not frozen',
    ],
    ['an input that is not listed', (graph) => ({ ...graph, inputs: [] }), "is not among the graph's inputs"],
    [
      'two outputs of a name',
      (graph) => ({ ...graph, outputs: [graph.outputs[0], graph.outputs[0]] }),
      'two outputs are called y',
    ],
    [
      'twins',
      (graph) => ({
        ...graph,
        outputs: [...graph.outputs, { name: 'z', doc: '', node: Object.freeze({ ...graph.outputs[0].node, id: 9 }) as Node }],
      }),
      'two nodes are exp',
    ],
  ])('complains of %s', (_, spoil, message) => {
    expect(complaints(spoil(given())).join('\n')).toContain(message)
  })

  const update = (lines: string): readonly string[] =>
    complaints(
      read(`graph "u"
dim B
%0 = weight name "w" source ["w"] doc "" : f32[2, 3]
%1 = weight name "v" source ["v"] doc "" : f32[2, 3]
%2 = input name "x" : f32[B, 3]
%3 = negate(%0) : f32[2, 3]
%4 = transpose(%0) order [1, 0] : f32[3, 2]
%5 = reshape(%1) : f32[2, 3]
%6 = less(%0, %1) : bool[2, 3]
${lines}
`),
    )

  it('accepts what replaces a weight, one that is there or a new one', () => {
    expect(update('output "w" = %3 replaces "w"\noutput "state" = %4 replaces "state"\noutput "v" = %1 replaces "v"')).toEqual([])
    expect(update('output "w" = %1 replaces "w"\noutput "v" = %0 replaces "v"')).toEqual([])
  })

  it.each([
    ['output "w" = %4 replaces "w"', 'the output w is f32[3, 2], the weight it replaces f32[2, 3]'],
    ['output "x" = %2 replaces "x"', 'the output x replaces a weight, and has the symbolic size B'],
    ['output "m" = %6 replaces "m"', 'the output m replaces a weight, and is bool'],
    ['output "a" = %3 as weight of "w"', 'the output a: an output of the role weight replaces nothing, not w'],
    ['output "a" = %3 as loss path "" term "a" replaces "w"', 'the output a: an output of the role loss replaces w'],
    ['output "a" = %3 replaces "w"\noutput "b" = %3 replaces "w"', 'two outputs replace the weight w'],
    [
      '%7 = weight name "n^T" source ["n"] doc "" : f32[2, 3]\n%8 = exp(%7) : f32[2, 3]\noutput "n" = %3 replaces "n"\noutput "y" = %8',
      'the weight n is replaced, and read transposed',
    ],
  ])('complains of %j', (lines, message) => {
    expect(update(lines)).toEqual([message])
  })

  const routed = (order: string): string => `graph "r"
%0 = input name "x" : f32[6, 2]
%1 = input name "ids" : i32[3, 2]
%2 = input name "others" : i32[3, 2]
%3 = weight name "bank" source ["bank"] doc "" : f32[4, 5, 2]
%4 = reshape(%1) : i32[6]
%5 = expert_histogram(%1) experts 4 block 2 : i32[2, 4]
%6 = expert_histogram(%2) experts 4 block 2 : i32[2, 4]
${order}
%8 = grouped_matmul(%0, %3, %4, %7) : f32[6, 5]
output "y" = %8
`

  it('accepts the order of the rows it guides, after the passes only', () => {
    const graph = read(routed('%7 = sort_by_expert(%1, %5) experts 4 block 2 tile 8 : i32[16]'))
    expect(complaints(graph, 'optimised')).toEqual([])
    expect(complaints(graph).join('\n')).toContain("sort_by_expert may not appear at the stage 'source'")
  })

  it.each([
    ['%7 = sort_by_expert(%2, %6) experts 4 block 2 tile 8 : i32[16]', 'for the experts of other rows'],
    ['%7 = sort_by_expert(%1, %6) experts 4 block 2 tile 8 : i32[16]', 'counts are those of other rows'],
    ['%7 = reshape(%2) : i32[6]', 'its order is made by reshape'],
  ])('complains of %s', (order, message) => {
    expect(complaints(read(routed(order)), 'optimised').join('\n')).toContain(message)
  })
})
