import { describe, expect, it } from 'vitest'
import type { Graph } from '../../compiler/graph/node.ts'
import { parse } from '../../compiler/graph/parse.ts'
import { print } from '../../compiler/graph/print.ts'
import { createBuilder } from '../../compiler/ops/build.ts'
import { eliminateDeadCode } from '../../compiler/passes/dead-code.ts'
import { foldConstants } from '../../compiler/passes/constant-folding.ts'
import { sortRowsByExpert } from '../../compiler/passes/expert-sorting.ts'
import { optimise } from '../../compiler/passes/pipeline.ts'
import { eliminateCommonSubexpressions } from '../../compiler/passes/common-subexpressions.ts'
import { chooseWeightLayout } from '../../compiler/passes/weight-layout.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import { tensorOf } from '../../compiler/reference/tensor.ts'

const graphOf = (body: string): Graph => parse(`graph "g"\ndim B\n${body.trim()}\n`, createBuilder().make)

/** Body before -> body after. */
const after = (pass: (graph: Graph) => Graph, body: string): string =>
  print(eliminateDeadCode(pass(graphOf(body))))
    .replace('graph "g"\ndim B\n', '')
    .trim()

const unchanged = (pass: (graph: Graph) => Graph, body: string): void => expect(after(pass, body)).toBe(body.trim())

describe('fold', () => {
  it('works out what depends on constants alone, and what counting and rounding give', () => {
    expect(
      after(
        foldConstants,
        `
%0 = iota : i32[4]
%1 = cast(%0) : f32[4]
%2 = constant values [0.5] : f32[]
%3 = broadcast(%2) axes [] : f32[4]
%4 = multiply(%1, %3) : f32[4]
%5 = sum(%4) axis 0 : f32[]
output "table" = %4
output "sum" = %5`,
      ),
    ).toBe(
      `
%0 = constant values [0, 0.5, 1, 1.5] : f32[4]
%1 = constant values [3] : f32[]
output "table" = %0
output "sum" = %1`.trim(),
    )
  })

  it('writes a tensor of one value as a scalar repeated', () => {
    expect(
      after(
        foldConstants,
        `
%0 = constant values [1, 1] : f32[2]
%1 = exp(%0) : f32[2]
output "y" = %1`,
      ),
    ).toBe(
      `
%0 = constant values [2.718281828459045] : f32[]
%1 = broadcast(%0) axes [] : f32[2]
output "y" = %1`.trim(),
    )
  })

  it.each([
    ['an index that is computed cheaper than loaded', '%0 = iota : i32[4]\n%1 = negate(%0) : i32[4]\noutput "y" = %1'],
    ['what repeats', '%0 = constant values [1, 2] : f32[2]\n%1 = broadcast(%0) axes [1] : f32[3, 2]\noutput "y" = %1'],
    [
      'more than 65,536 elements',
      '%0 = constant values [1, 2] : f32[2]\n%1 = broadcast(%0) axes [1] : f32[32769, 2]\n%2 = sin(%1) : f32[32769, 2]\noutput "y" = %2',
    ],
    [
      'a symbolic size',
      '%0 = constant values [1, 2] : f32[2]\n%1 = broadcast(%0) axes [1] : f32[B, 2]\n%2 = sin(%1) : f32[B, 2]\noutput "y" = %2',
    ],
    ['a result that is not finite', '%0 = constant values [0, 2] : f32[2]\n%1 = log(%0) : f32[2]\noutput "y" = %1'],
    [
      'an id out of range, which is a matter of the run',
      '%0 = constant values [1, 2] : f32[2]\n%1 = constant values [1, 7] : i32[2]\n%2 = take(%0, %1) : f32[2]\noutput "y" = %2',
    ],
    ['weights', '%0 = weight name "w" source ["w"] doc "" : f32[2]\n%1 = exp(%0) : f32[2]\noutput "y" = %1'],
  ])('leaves %s', (_, body) => unchanged(foldConstants, body))
})

describe('share', () => {
  it('knows that operands of a sum may change places', () => {
    expect(
      after(
        eliminateCommonSubexpressions,
        `
%0 = input name "a" : f32[B]
%1 = input name "b" : f32[B]
%2 = add(%0, %1) : f32[B]
%3 = add(%1, %0) : f32[B]
%4 = multiply(%2, %3) : f32[B]
output "y" = %4`,
      ),
    ).toBe(
      `
%0 = input name "a" : f32[B]
%1 = input name "b" : f32[B]
%2 = add(%0, %1) : f32[B]
%3 = multiply(%2, %2) : f32[B]
output "y" = %3`.trim(),
    )
  })

  it('knows that those of a difference may not', () =>
    unchanged(
      eliminateCommonSubexpressions,
      '%0 = input name "a" : f32[B]\n%1 = input name "b" : f32[B]\n%2 = subtract(%1, %0) : f32[B]\noutput "y" = %2',
    ))
})

it('dead drops what no output needs, and keeps every input', () => {
  expect(
    after(
      (graph) => graph,
      `
%0 = input name "a" : f32[B]
%1 = exp(%0) : f32[B]
%2 = input name "b" : f32[B]
%3 = sin(%0) : f32[B]
output "y" = %3`,
    ),
  ).toBe(
    `
%0 = input name "a" : f32[B]
%1 = input name "b" : f32[B]
%2 = sin(%0) : f32[B]
output "y" = %2`.trim(),
  )
})

describe('weight-layout', () => {
  it('loads transposed what is only read transposed', () => {
    expect(
      after(
        chooseWeightLayout,
        `
%0 = weight name "a" source ["a"[:, 0:-1:2].T] doc "" : f32[2, 3]
%1 = weight name "bank" source stack ["b.0", "b.1"] doc "" : f32[2, 3, 4]
%2 = transpose(%0) order [1, 0] : f32[3, 2]
%3 = transpose(%1) order [0, 2, 1] : f32[2, 4, 3]
output "a" = %2
output "bank" = %3`,
      ),
    ).toBe(
      `
%0 = weight name "a^T" source ["a"[:, 0:-1:2]] doc "" : f32[3, 2]
%1 = weight name "bank^T" source stack ["b.0".T, "b.1".T] doc "" : f32[2, 4, 3]
output "a" = %0
output "bank" = %1`.trim(),
    )
  })

  it.each([
    [
      'what is read both ways',
      '%0 = weight name "a" source ["a"] doc "" : f32[2, 3]\n%1 = transpose(%0) order [1, 0] : f32[3, 2]\n%2 = exp(%0) : f32[2, 3]\noutput "y" = %1\noutput "z" = %2',
    ],
    [
      'what is an output itself',
      '%0 = weight name "a" source ["a"] doc "" : f32[2, 3]\n%1 = transpose(%0) order [1, 0] : f32[3, 2]\noutput "y" = %1\noutput "z" = %0',
    ],
    [
      'an order of other axes',
      '%0 = weight name "a" source ["a"] doc "" : f32[2, 3, 4]\n%1 = transpose(%0) order [1, 0, 2] : f32[3, 2, 4]\noutput "y" = %1',
    ],
    [
      'a stack of single axes',
      '%0 = weight name "a" source stack ["a", "b"] doc "" : f32[2, 3]\n%1 = transpose(%0) order [1, 0] : f32[3, 2]\noutput "y" = %1',
    ],
  ])('leaves %s', (_, body) => unchanged(chooseWeightLayout, body))

  it('is fed by the name without the mark', () => {
    const graph = chooseWeightLayout(
      graphOf(
        '%0 = weight name "a" source ["a"] doc "" : f32[2, 3]\n%1 = transpose(%0) order [1, 0] : f32[3, 2]\noutput "y" = %1\n%2 = input name "b" : f32[B]',
      ),
    )
    const { y } = evaluate(graph, {
      inputs: { b: tensorOf([1], 'f32', [0]) },
      weights: { a: tensorOf([2, 3], 'f32', [1, 2, 3, 4, 5, 6]) },
    })
    expect([...y.values]).toEqual([1, 4, 2, 5, 3, 6])
  })
})

const ROUTED = `
%0 = input name "x" : f32[B, 8]
%1 = input name "scores" : f32[B, 4]
%2 = weight name "up" source ["up"] doc "" : f32[4, 16, 8]
%3 = weight name "down" source ["down"] doc "" : f32[4, 8, 16]
%4 = top_k(%1) k 2 : i32[B, 2]
%5 = reshape(%4) : i32[2*B]
%6 = iota : i32[B]
%7 = broadcast(%6) axes [0] : i32[B, 2]
%8 = reshape(%7) : i32[2*B]
%9 = take(%0, %8) : f32[2*B, 8]
%10 = grouped_matmul(%9, %2, %5) : f32[2*B, 16]
%11 = grouped_matmul(%10, %3, %5) : f32[2*B, 8]
output "y" = %11`

describe('expert-sorting', () => {
  it('orders the rows of a routing once for all its products', () => {
    expect(after((graph) => sortRowsByExpert(graph, { variant: 'prefill', tile: 8, block: 16 }), ROUTED)).toBe(
      `
%0 = input name "x" : f32[B, 8]
%1 = input name "scores" : f32[B, 4]
%2 = weight name "up" source ["up"] doc "" : f32[4, 16, 8]
%3 = weight name "down" source ["down"] doc "" : f32[4, 8, 16]
%4 = top_k(%1) k 2 : i32[B, 2]
%5 = reshape(%4) : i32[2*B]
%6 = iota : i32[B]
%7 = broadcast(%6) axes [0] : i32[B, 2]
%8 = reshape(%7) : i32[2*B]
%9 = take(%0, %8) : f32[2*B, 8]
%10 = expert_histogram(%4) experts 4 block 16 : i32[ceil(B, 16), 4]
%11 = sort_by_expert(%4, %10) experts 4 block 16 tile 8 : i32[2*B + 2*ceil(2*B, 8) + 8]
%12 = grouped_matmul(%9, %2, %5, %11) : f32[2*B, 16]
%13 = grouped_matmul(%12, %3, %5, %11) : f32[2*B, 8]
output "y" = %13`.trim(),
    )
  })

  it('takes ids that are no pairs one a row', () => {
    const text = after(
      (graph) => sortRowsByExpert(graph, { variant: 'prefill', tile: 4, block: 2 }),
      `
%0 = input name "x" : f32[6, 8]
%1 = input name "ids" : i32[6]
%2 = weight name "up" source ["up"] doc "" : f32[4, 16, 8]
%3 = grouped_matmul(%0, %2, %1) : f32[6, 16]
output "y" = %3`,
    )
    expect(text).toContain('%3 = reshape(%1) : i32[6, 1]')
    expect(text).toContain('sort_by_expert(%3, %4) experts 4 block 2 tile 4 : i32[18]')
  })

  it('leaves few tokens to look up their experts, and orders nothing twice', () => {
    unchanged((graph) => sortRowsByExpert(graph, { variant: 'decode', tile: 8, block: 16 }), ROUTED)
    const once = sortRowsByExpert(graphOf(ROUTED), { variant: 'prefill', tile: 8, block: 16 })
    expect(print(sortRowsByExpert(once, { variant: 'prefill', tile: 8, block: 16 }))).toBe(print(eliminateDeadCode(once)))
  })
})

it('a router and its attention come out as kernels take them', () => {
  const graph = graphOf(`
%0 = input name "q" : f32[B, 4, 2, 8]
%1 = input name "v" : f32[B, 5, 2, 8]
%2 = weight name "w" source ["w"] doc "" : f32[8, 3]
%3 = contract(%0, %1) batch [[0, 0], [2, 2]] over [[3, 3]] : f32[B, 2, 4, 5]
%4 = contract(%3, %1) batch [[0, 0], [1, 2]] over [[3, 1]] : f32[B, 2, 4, 8]
%5 = contract(%4, %2) batch [] over [[3, 0]] : f32[B, 2, 4, 3]
output "y" = %5`)
  expect(print(optimise(graph, { variant: 'decode', tile: 8, block: 16 }).graph)).toBe(`graph "g"
dim B
%0 = input name "q" : f32[B, 4, 2, 8]
%1 = input name "v" : f32[B, 5, 2, 8]
%2 = transpose(%0) order [0, 2, 1, 3] : f32[B, 2, 4, 8]
%3 = transpose(%1) order [0, 2, 1, 3] : f32[B, 2, 5, 8]
%4 = contract(%2, %3) batch [[0, 0], [1, 1]] over [[3, 3]] : f32[B, 2, 4, 5]
%5 = transpose(%1) order [0, 2, 3, 1] : f32[B, 2, 8, 5]
%6 = contract(%4, %5) batch [[0, 0], [1, 1]] over [[3, 3]] : f32[B, 2, 4, 8]
%7 = weight name "w^T" source ["w".T] doc "" : f32[3, 8]
%8 = contract(%6, %7) batch [] over [[3, 1]] : f32[B, 2, 4, 3]
output "y" = %8
`)
})
