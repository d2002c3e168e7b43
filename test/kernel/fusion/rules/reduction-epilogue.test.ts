import { X, testRule } from './rule-cases.ts'

const SUM = '%1 = sum(%0) axis 0 : f32[4]'

testRule(
  'reduction-epilogue',
  [
    {
      name: 'elementwise work on a reduction of columns',
      graph: [X, SUM, '%2 = sin(%1) : f32[4]', 'output "y" = %2'],
      groups: ['elementwise: sum sin'],
    },
  ],
  [
    {
      name: 'a reader of another size',
      graph: [X, SUM, '%2 = max(%1) axis 0 : f32[]', 'output "y" = %2'],
      groups: ['elementwise: sum, not max: another iteration space', 'rows: max'],
    },
  ],
)
