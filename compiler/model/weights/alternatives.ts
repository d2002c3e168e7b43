/** Entries of a `weights` block for several weights: `{q, k}` in the path beside `{q,k}_proj` in the name of the tensor. */
import { listsOf, withAlternative } from '../../../grammar/template.ts'
import type { WeightEntry } from '../../../grammar/ast.ts'
import { complain, type Frame } from '../context/context.ts'

/** An entry a weight, in the order of the lists; none after a mistake. */
export function expanded(frame: Frame, entry: WeightEntry): readonly WeightEntry[] {
  const { path, template } = entry
  const choices = path.flatMap((part) => (part.kind === 'choice' ? [part.names] : []))
  const lists = listsOf(template.value)
  if (choices.length === 0 && lists.length === 0) return [entry]
  const lengths = [...choices, ...lists].map((list) => list.length)
  if (choices.length === 0 || lists.length === 0 || lengths.some((length) => length !== lengths[0])) {
    complain(frame, {
      code: 'SMOE5003',
      message: 'lists of the path and of the name of the tensor must both be there, and have one length',
      span: entry.span,
      help: `their lengths are ${lengths.join(', ')}`,
    })
    return []
  }
  return Array.from({ length: lengths[0] }, (_, at) => ({
    ...entry,
    path: path.map((part) => (part.kind === 'choice' ? { kind: 'name', name: part.names[at] } : part)),
    template: { ...template, value: withAlternative(template.value, at) },
  }))
}
