/** Each kind of refusal, by a graph whose listing shows it. */
import { expect, test } from 'vitest'
import { MAX_CHAIN } from '../../../compiler/kernel/fusion/chain.ts'
import { listRefused } from '../../../compiler/kernel/fusion/list-refused.ts'
import type { Refusal } from '../../../compiler/kernel/not-fused.ts'
import { graphOf, groupsOf, nodeAt, type Setting } from './groups.ts'

interface Example extends Setting {
  readonly graph: readonly string[]
  /** The line of the group that refuses, as `explain --stage kernels` puts it. */
  readonly listed: string
}

const X = '%0 = input name "x" : f32[6, 4]'
const W = '%1 = weight name "w" source ["w"] doc "" : f32[4, 4]'
const SCORES = '%2 = contract(%0, %1) batch [] over [[1, 1]] : f32[6, 4]'
const CHOSEN = '%1 = top_k(%0) k 2 : i32[6, 2]'

const EXAMPLES: { readonly [K in Refusal['kind']]: Example } = {
  'fused elsewhere': {
    graph: [
      ...[X, W, '%2 = weight name "u" source ["u"] doc "" : f32[4, 4]', '%3 = input name "z" : f32[6, 4]'],
      '%4 = contract(%0, %1) batch [] over [[1, 1]] : f32[6, 4]',
      '%5 = contract(%3, %2) batch [] over [[1, 1]] : f32[6, 4]',
      '%6 = multiply(%4, %5) : f32[6, 4]',
      'output "y" = %6',
    ],
    listed: 'matmul: contract, not multiply: part of the kernel of contract',
  },
  'split constraint': {
    graph: [X, W, SCORES, '%3 = sin(%2) : f32[6, 4]', 'output "y" = %3'],
    constraints: (at) => ({ materialized: new Set(), split: new Set([at(3)]) }),
    listed: 'matmul: contract, not sin: split off, as the kernel would bind more buffers than the target has',
  },
  'own kernel': {
    graph: [
      ...[X, CHOSEN, '%2 = expert_histogram(%1) experts 4 block 8 : i32[1, 4]'],
      '%3 = sort_by_expert(%1, %2) experts 4 block 8 tile 4 : i32[26]',
      'output "order" = %3',
    ],
    listed: 'rows: top_k expert_histogram, not sort_by_expert: its op has a kernel of its own',
  },
  'iteration space': {
    graph: [X, W, SCORES, '%3 = sum(%2) axis 1 : f32[6]', 'output "y" = %3'],
    listed: 'matmul: contract, not sum: another iteration space',
  },
  'unwritten rows': {
    graph: [
      ...[X, '%1 = weight name "bank" source ["b"] doc "" : f32[3, 5, 4]', '%2 = input name "expert" : i32[6]'],
      '%3 = grouped_matmul(%0, %1, %2) : f32[6, 5]',
      ...['%4 = constant values [0] : f32[]', '%5 = broadcast(%4) axes [] : f32[6, 5]'],
      '%6 = less(%5, %3) : bool[6, 5]',
      '%7 = select(%6, %3, %5) : f32[6, 5]',
      'output "y" = %7',
    ],
    listed: 'matmul: grouped_matmul, not select: it gives values to rows without an expert, which this kernel leaves unwritten',
  },
  parallelism: {
    graph: [
      ...['%0 = weight name "w" source ["w"] doc "" : f32[4]', '%1 = input name "gradient" : f32[4]'],
      ...['%2 = max(%1) axis 0 : f32[]', '%3 = broadcast(%2) axes [] : f32[4]', '%4 = subtract(%0, %3) : f32[4]'],
      ...['output "w" = %4 replaces "w"', 'output "largest" = %3'],
    ],
    listed: 'rows: max, not broadcast: it would run in a single workgroup',
  },
  'chain length': {
    graph: [
      ...[X, W, SCORES],
      ...Array.from({ length: MAX_CHAIN }, (_, at) => `%${at + 3} = sin(%${at + 2}) : f32[6, 4]`),
      `output "y" = %${MAX_CHAIN + 2}`,
    ],
    listed: `matmul: contract${' sin'.repeat(MAX_CHAIN - 1)}, not sin: a chain of ${MAX_CHAIN + 1} nodes, of at most ${MAX_CHAIN}`,
  },
  'self-read': {
    graph: [
      ...['%0 = weight name "v" source ["v"] doc "" : f32[4, 4]', '%1 = weight name "u" source ["u"] doc "" : f32[4, 4]'],
      '%2 = contract(%0, %1) batch [] over [[1, 1]] : f32[4, 4]',
      '%3 = contract(%0, %2) batch [] over [[1, 1]] : f32[4, 4]',
      'output "y" = %3',
    ],
    listed: 'matmul: contract, not contract: contract reads all of contract, which must be complete before',
  },
  'workgroup memory': {
    graph: [
      ...[X, '%1 = weight name "w" source ["w"] doc "" : f32[4000, 4]'],
      '%2 = contract(%0, %1) batch [] over [[1, 1]] : f32[6, 4000]',
      ...['%3 = top_k(%2) k 2 : i32[6, 2]', 'output "chosen" = %3'],
    ],
    listed: 'rows: top_k, not contract: the scores would take 130560 bytes of workgroup memory, of 16384',
  },
  'histogram block': {
    graph: [X, CHOSEN, '%2 = expert_histogram(%1) experts 4 block 4096 : i32[1, 4]', 'output "counts" = %2'],
    listed: 'rows: top_k, not expert_histogram: it counts blocks of 4096 rows, of at most 64',
  },
  cycle: {
    graph: [
      ...[X, W, SCORES, '%3 = max(%2) axis 1 : f32[6]', '%4 = broadcast(%3) axes [0] : f32[6, 4]'],
      ...['%5 = subtract(%2, %4) : f32[6, 4]', 'output "y" = %5'],
    ],
    listed: 'matmul: contract, not max: another iteration space, not subtract: a cycle through max',
  },
  'live-outs': {
    graph: [X, W, SCORES, '%3 = top_k(%2) k 2 : i32[6, 2]', 'output "chosen" = %3', 'output "scores" = %2'],
    listed: 'rows: top_k, not contract: more values to store',
  },
}

test.each(Object.entries(EXAMPLES))('%s', (_, { graph, listed, ...setting }) => {
  expect(groupsOf(graphOf(...graph), setting)).toContain(listed)
})

test('nodes of one reason stand together', () => {
  const at = nodeAt(graphOf(X, W, SCORES, 'output "y" = %2'))
  const refusal: Refusal = { kind: 'iteration space' }
  const refused = [0, 1].map((number) => ({ node: at(number), refusal }))
  expect(listRefused([...refused, { node: at(2), refusal: { kind: 'live-outs' } }])).toEqual([
    { ops: 'input, weight', reason: 'another iteration space' },
    { ops: 'contract', reason: 'more values to store' },
  ])
})
