/** Inputs whose values are used as numbers of rows or columns. */
import { add, constantValue, ONE, type Dim } from '../../plan/dim.ts'
import { AXIS_MOVEMENTS } from './families.ts'
import type { Node } from './node.ts'
import { isOp } from './walk.ts'

type Input = Extract<Node, { readonly op: 'input' }>

/** What the values of an input choose among. */
export interface IndexRange {
  readonly among: Dim
  /** A value that is replaced before anything is chosen by it; null where there is none. */
  readonly ignored: number | null
}

interface Source {
  readonly input: Input
  readonly ignored: number | null
}

/** The input whose values these are, in another shape at most, with one of them replaced at most. */
function sourceOf(node: Node): Source | null {
  if (isOp(node, 'input')) return { input: node, ignored: null }
  if (node.op === 'select') return replacedIn(node)
  return AXIS_MOVEMENTS.has(node.op) ? sourceOf(node.inputs[0]) : null
}

/** `select(x == number, other, x)`, or its sides the other way about where the comparison is denied. */
function replacedIn({ inputs: [condition, then, otherwise] }: Node): Source | null {
  const isDenied = condition.op === 'not'
  const [source, ignored] = [sourceOf(isDenied ? then : otherwise), comparedIn(isDenied ? condition.inputs[0] : condition)]
  return source === null || source.ignored !== null || ignored === null || ignored.input !== source.input ? null : ignored
}

/** `x == number` of an input. */
function comparedIn(node: Node): Source | null {
  if (node.op !== 'equal') return null
  const [a, b] = node.inputs
  const [source, number] = [sourceOf(a) ?? sourceOf(b), numberOf(a) ?? numberOf(b)]
  return source === null || number === null ? null : { input: source.input, ignored: number }
}

/** The one number that a constant holds. */
function numberOf(node: Node): number | null {
  if (AXIS_MOVEMENTS.has(node.op)) return numberOf(node.inputs[0])
  if (!isOp(node, 'constant')) return null
  const [first, ...others] = node.params.values
  return first !== undefined && others.every((value) => value === first) ? Number(first) : null
}

/** The operand of a node that chooses rows or columns, and how many there are. */
function rangeIn({ op, inputs: [from, ids, past] }: Node): { readonly ids: Node; readonly among: Dim } | null {
  if (op === 'take') return { ids, among: from.shape[0] }
  if (op === 'pick') return { ids, among: from.shape.at(-1)! }
  // behind all rows there is a place too, where no new one fits
  return op === 'append' ? { ids: past, among: add(from.shape[1], ONE) } : null
}

/** Input -> what its values choose among: the fewest rows or columns where there are several, as far as they are numbers. */
export function indexRanges(nodes: readonly Node[]): ReadonlyMap<Input, IndexRange> {
  const found = new Map<Input, IndexRange>()
  for (const node of nodes) {
    const range = rangeIn(node)
    const source = range === null ? null : sourceOf(range.ids)
    if (range === null || source === null) continue
    const one: IndexRange = { among: range.among, ignored: source.ignored }
    const before = found.get(source.input)
    found.set(source.input, before === undefined ? one : narrower(before, one))
  }
  return found
}

/** A value is ignored where every use of the input ignores it. */
function narrower(before: IndexRange, next: IndexRange): IndexRange {
  const [value, known] = [constantValue(next.among), constantValue(before.among)]
  const isFewer = value !== undefined && (known === undefined || value < known)
  return { among: isFewer ? next.among : before.among, ignored: before.ignored === next.ignored ? before.ignored : null }
}
