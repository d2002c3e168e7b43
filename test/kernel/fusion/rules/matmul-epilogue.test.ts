import { SCORES, W, X, testRule } from './rule-cases.ts'

const U = '%2 = weight name "u" source ["u"] doc "" : f32[4, 4]'

testRule(
  'matmul-epilogue',
  [
    {
      name: 'elementwise work on the sums',
      graph: [X, W, SCORES, '%3 = sin(%2) : f32[6, 4]', '%4 = exp(%3) : f32[6, 4]', 'output "y" = %4'],
      groups: ['matmul: contract sin exp'],
    },
    {
      name: 'a sibling of the same left operand that the epilogue reads',
      graph: [
        ...[X, W, U, '%3 = contract(%0, %1) batch [] over [[1, 1]] : f32[6, 4]'],
        ...['%4 = contract(%0, %2) batch [] over [[1, 1]] : f32[6, 4]', '%5 = multiply(%3, %4) : f32[6, 4]'],
        'output "y" = %5',
      ],
      groups: ['matmul: contract contract multiply'],
    },
  ],
  [
    {
      name: 'a reduction of the sums',
      graph: [X, W, SCORES, '%3 = sum(%2) axis 1 : f32[6]', 'output "y" = %3'],
      groups: ['matmul: contract, not sum: another iteration space', 'rows: sum'],
    },
    {
      name: 'a matmul of another left operand is no sibling',
      graph: [
        ...[X, W, U, '%3 = input name "z" : f32[6, 4]', '%4 = contract(%0, %1) batch [] over [[1, 1]] : f32[6, 4]'],
        ...['%5 = contract(%3, %2) batch [] over [[1, 1]] : f32[6, 4]', '%6 = multiply(%4, %5) : f32[6, 4]'],
        'output "y" = %6',
      ],
      groups: ['matmul: contract, not multiply: part of the kernel of contract', 'matmul: contract multiply'],
    },
  ],
)
