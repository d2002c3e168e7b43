import { CHOSEN, X, testRule } from './rule-cases.ts'

const COUNTS = '%2 = expert_histogram(%1) experts 4 block 8 : i32[1, 4]'

testRule(
  'expert-histogram',
  [
    {
      name: 'the kernel that ranks rows counts their experts',
      graph: [X, CHOSEN, COUNTS, 'output "counts" = %2'],
      groups: ['rows: top_k expert_histogram'],
    },
  ],
  [
    {
      name: 'a block of more rows than a workgroup ranks',
      graph: [X, CHOSEN, '%2 = expert_histogram(%1) experts 4 block 65 : i32[1, 4]', 'output "counts" = %2'],
      groups: ['rows: top_k, not expert_histogram: it counts blocks of 65 rows, of at most 64', 'custom: expert_histogram'],
    },
    {
      name: 'a second histogram of the same choice',
      graph: [
        ...[X, CHOSEN, COUNTS, '%3 = expert_histogram(%1) experts 4 block 4 : i32[2, 4]'],
        ...['output "counts" = %2', 'output "more" = %3'],
      ],
      groups: ['rows: top_k expert_histogram, not expert_histogram: another iteration space', 'custom: expert_histogram'],
    },
    {
      name: 'experts that no kernel of rows chooses',
      graph: [
        '%0 = input name "expert" : i32[6, 2]',
        '%1 = expert_histogram(%0) experts 4 block 8 : i32[1, 4]',
        'output "y" = %1',
      ],
      groups: ['custom: expert_histogram'],
    },
  ],
)
