import { SCORES, W, X, testRule } from './rule-cases.ts'

testRule(
  'gating-scores',
  [
    {
      name: 'the kernel that ranks rows computes their scores',
      graph: [X, W, SCORES, '%3 = top_k(%2) k 2 : i32[6, 2]', 'output "chosen" = %3'],
      groups: ['rows: top_k contract'],
    },
  ],
  [
    {
      name: 'scores that are an output',
      graph: [X, W, SCORES, '%3 = top_k(%2) k 2 : i32[6, 2]', 'output "chosen" = %3', 'output "scores" = %2'],
      groups: ['matmul: contract, not top_k: another iteration space', 'rows: top_k, not contract: more values to store'],
    },
    {
      name: 'rows that are reduced, not ranked',
      graph: [X, W, SCORES, '%3 = sum(%2) axis 1 : f32[6]', 'output "y" = %3'],
      groups: ['matmul: contract, not sum: another iteration space', 'rows: sum'],
    },
    {
      name: 'scores that exceed the memory of a workgroup',
      graph: [
        ...[X, '%1 = weight name "w" source ["w"] doc "" : f32[4000, 4]'],
        '%2 = contract(%0, %1) batch [] over [[1, 1]] : f32[6, 4000]',
        ...['%3 = top_k(%2) k 2 : i32[6, 2]', 'output "chosen" = %3'],
      ],
      groups: [
        'matmul: contract, not top_k: another iteration space',
        'rows: top_k, not contract: the scores would take 130560 bytes of workgroup memory, of 16384',
      ],
    },
  ],
)
