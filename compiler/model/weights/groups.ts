/** Entries of a `weights` block with whole paths and names, those of groups among them. */
import type { WeightEntry, WeightGroup, WeightLine } from '../../../grammar/ast.ts'
import { completed } from '../../../grammar/weight-groups.ts'
import { complain, type Frame } from '../context/context.ts'

/** Characters, so that the names of all entries stay in proportion to the text. */
const LONGEST_BEGINNING = 1000

/** The entries with whole paths and names; those of a group that begins with too long a text are left out, and that is said. */
export function ungrouped(
  frame: Frame,
  lines: readonly WeightLine[],
  outer: Pick<WeightGroup, 'path' | 'template'> | null = null,
): readonly WeightEntry[] {
  return lines.flatMap((line): readonly WeightEntry[] => {
    const whole = outer === null ? line : completed(outer, line)
    if (whole.kind === 'weight-entry') return [whole]
    const { start, end } = line.template.span
    const length = whole.template.value.length + start - line.span.start + whole.path.length
    if (length <= LONGEST_BEGINNING) return ungrouped(frame, whole.entries, whole)
    complain(frame, {
      code: 'SMOE5003',
      message: `a group begins with at most ${LONGEST_BEGINNING} characters`,
      span: { ...line.span, end },
    })
    return []
  })
}
