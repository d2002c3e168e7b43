import { expect, test } from 'vitest'
import { checksum } from '../../compiler/graph/checksum.ts'
import { parse } from '../../compiler/graph/parse.ts'
import { createBuilder } from '../../compiler/ops/build.ts'
import { crc32c } from '../../plan/crc32c.ts'

const graph = parse(
  `graph "g"
%0 = input name "x" : f32[4, 2]
%1 = input name "expert" : i32[4]
%2 = weight name "w" source ["w"] doc "a bank" : f32[3, 5, 2]
%3 = grouped_matmul(%0, %2, %1) : f32[4, 5]
output "y" = %3 "what it is"
`,
  createBuilder().make,
)

const expected = (lines: readonly string[]): string =>
  crc32c(new TextEncoder().encode(lines.join('\n')))
    .toString(16)
    .padStart(8, '0')

test('an op that was renamed enters the checksum under its first name, so that runs saved before go on', () => {
  expect(checksum([graph])).toBe(
    expected([
      'input name "x" f32 4 2',
      'input name "expert" i32 4',
      'weight name "w" source ["w"] doc "" f32 3 5 2',
      'routed_matmul  f32 4 5 0 2 1',
      'y 3',
    ]),
  )
})

test('documentation does not enter the checksum', () => {
  const other = { ...graph, outputs: graph.outputs.map((output) => ({ ...output, doc: '' })) }
  expect(checksum([other])).toBe(checksum([graph]))
})
