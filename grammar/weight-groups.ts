/** Groups of entries of a `weights` block: what each path and each name of a tensor inside begins with. */
import type { WeightGroup, WeightLine } from './ast.ts'
import { alternatives } from './template.ts'

/** A line of a group with its whole path and name. */
export const completed = <T extends WeightLine>({ path, template }: Pick<WeightGroup, 'path' | 'template'>, line: T): T => ({
  ...line,
  path: [...path, ...line.path],
  template: { ...line.template, value: `${template.value}.${line.template.value}` },
})

/** The names of tensors that lines stand for, with indices in braces. */
export const tensorsOf = (lines: readonly WeightLine[]): readonly string[] =>
  lines.flatMap((line) =>
    line.kind === 'weight-entry' ? alternatives(line.template.value) : tensorsOf(line.entries.map((one) => completed(line, one))),
  )
