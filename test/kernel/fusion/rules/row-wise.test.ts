import { X, testRule } from './rule-cases.ts'

const MAX = '%1 = max(%0) axis 1 : f32[6]'

testRule(
  'row-wise',
  [
    {
      name: 'a softmax, all of which stays within a row',
      graph: [
        ...[X, MAX, '%2 = broadcast(%1) axes [0] : f32[6, 4]', '%3 = subtract(%0, %2) : f32[6, 4]'],
        ...['%4 = exp(%3) : f32[6, 4]', '%5 = sum(%4) axis 1 : f32[6]', '%6 = broadcast(%5) axes [0] : f32[6, 4]'],
        ...['%7 = divide(%4, %6) : f32[6, 4]', 'output "y" = %7'],
      ],
      groups: ['rows: max broadcast subtract exp sum broadcast divide'],
    },
  ],
  [
    {
      name: 'a reduction over the rows',
      graph: [X, MAX, '%2 = sum(%1) axis 0 : f32[]', 'output "y" = %2'],
      groups: ['rows: max, not sum: another iteration space', 'rows: sum'],
    },
    {
      name: 'the update of all state by a scalar of all of it',
      graph: [
        ...['%0 = weight name "w" source ["w"] doc "" : f32[4]', '%1 = input name "gradient" : f32[4]'],
        ...['%2 = max(%1) axis 0 : f32[]', '%3 = broadcast(%2) axes [] : f32[4]', '%4 = subtract(%0, %3) : f32[4]'],
        'output "w" = %4 replaces "w"',
      ],
      groups: ['rows: max', 'elementwise: subtract'],
    },
  ],
)
