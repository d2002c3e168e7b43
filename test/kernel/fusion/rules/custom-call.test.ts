import { X, testRule } from './rule-cases.ts'

const SUMS = [X, '%1 = input name "ids" : i32[6]']

testRule(
  'custom-call',
  [
    {
      name: 'an op with a kernel of its own, alone',
      graph: [
        ...['%0 = input name "expert" : i32[12]', '%1 = position_in_expert(%0) experts 4 : i32[12]'],
        ...['%2 = negate(%1) : i32[12]', 'output "y" = %2'],
      ],
      groups: ['custom: position_in_expert', 'elementwise: negate'],
    },
    {
      name: 'a segment sum whose rows are sorted',
      graph: [
        ...[...SUMS, '%2 = input name "order" : i32[6]', '%3 = segment_sum(%0, %1, %2) : f32[3, 4]'],
        ...['%4 = sin(%3) : f32[3, 4]', 'output "y" = %4'],
      ],
      groups: ['custom: segment_sum', 'elementwise: sin'],
    },
  ],
  [
    {
      name: 'a segment sum whose rows are not sorted is inlined',
      graph: [...SUMS, '%2 = segment_sum(%0, %1) : f32[3, 4]', '%3 = sin(%2) : f32[3, 4]', 'output "y" = %3'],
      groups: ['elementwise: sin'],
    },
  ],
)
