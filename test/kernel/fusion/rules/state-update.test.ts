import { testRule } from './rule-cases.ts'

const MOMENT = '%1 = weight name "m" source ["m"] doc "" : f32[4]'
const NEXT = ['%2 = input name "gradient" : f32[4]', '%3 = add(%1, %2) : f32[4]']

testRule(
  'state-update',
  [
    {
      name: 'a weight and the moment that its update reads',
      graph: [
        ...['%0 = weight name "w" source ["w"] doc "" : f32[4]', MOMENT, ...NEXT, '%4 = subtract(%0, %3) : f32[4]'],
        ...['output "w" = %4 replaces "w"', 'output "m" = %3 replaces "m"'],
      ],
      groups: ['elementwise: add subtract'],
    },
  ],
  [
    {
      name: 'state of another size',
      graph: [
        ...['%0 = weight name "w" source ["w"] doc "" : f32[4, 4]', MOMENT, ...NEXT],
        ...['%4 = broadcast(%3) axes [0] : f32[4, 4]', '%5 = subtract(%0, %4) : f32[4, 4]'],
        ...['output "w" = %5 replaces "w"', 'output "m" = %3 replaces "m"'],
      ],
      groups: ['elementwise: add', 'elementwise: subtract'],
    },
    {
      name: 'values that replace no state',
      graph: [
        ...['%0 = weight name "w" source ["w"] doc "" : f32[4]', MOMENT, ...NEXT, '%4 = subtract(%0, %3) : f32[4]'],
        ...['output "w" = %4', 'output "m" = %3'],
      ],
      groups: ['elementwise: add', 'elementwise: subtract'],
    },
  ],
)
