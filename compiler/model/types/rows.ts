/** The rule of experts: each row is computed independently, so that an expert can get any rows in any order. */
import type { Code } from '../../../grammar/codes.ts'
import type { Span } from '../../../grammar/source.ts'
import { symbolsOf } from '../../../plan/dim.ts'
import { BUILTINS } from '../builtin/table.ts'
import { complain, wordsOf, type Frame } from '../context/context.ts'
import { mentions } from '../static/exact.ts'
import { termTypeText } from '../context/value.ts'
import { EXPERT_ROWS, type CallTerm, type GivenTerm, type Term } from '../model.ts'

/** Reports an expert that does not return one vector per row. */
export function wantExpertOutputs(frame: Frame, { result, name }: CallTerm, rows: GivenTerm, span: Span): void {
  const fits = result.dtype === 'f32' && result.shape.length === 2 && result.shape[0] === rows.shape[0]
  if (!fits)
    complain(frame, {
      code: 'SMOE3001',
      message: `the expert ${name} returns ${termTypeText(result)}, but f32[T, ...], one vector per row, is expected`,
      span,
    })
}

/** Reports where an expert mixes its rows, or uses a weight in a way that has no lowering for banks yet. */
export function mixedRows(frame: Frame, body: CallTerm, rows: GivenTerm): void {
  const [axis] = rows.shape
  const isRow = (term: Term): boolean => term.shape[0] === axis
  const name = symbolsOf(axis).length === 1 ? symbolsOf(axis)[0] : EXPERT_ROWS
  let isWrong = false
  const wrong = (term: Term, message: string, code: Code): void => {
    if (isWrong) return
    isWrong = true
    const { span } = term.origin
    if (span !== null) complain(frame, { code, message: `\`${wordsOf(span)}\` ${message}`, span })
  }
  const look = (term: Term): void => {
    const operands = operandsOf(term)
    const strays = term.shape.some((size, i) => (i > 0 || size !== axis) && mentions(size, name))
    const lost = operands.some((one) => isRow(one) && one.shape.length > 0) && !isRow(term)
    const made = isRow(term) && operands.length > 0 && !operands.some(isRow)
    if (strays || lost || made)
      return wrong(term, 'mixes the rows of an expert; each row must be computed independently', 'SMOE3011')
    if (term.kind === 'apply') checkUse(term)
  }
  const checkUse = (term: Term & { kind: 'apply' }): void => {
    const { builtin, operands } = term
    if (builtin === 'take' && isRow(operands[0]))
      return wrong(term, 'reads rows of other tokens; each row must be computed independently', 'SMOE3011')
    const bankAt = operands.map((one) => isBanked(one, name))
    if (!bankAt.some((one) => one)) return
    const fine =
      BUILTINS[builtin].elementwise ||
      (builtin === 'matmul' && (!isRow(term) || (bankAt[1] && !bankAt[0]))) ||
      (!isRow(term) && LIFTED.includes(builtin))
    if (!fine) wrong(term, 'uses the weights of an expert in an unsupported way', 'SMOE4005')
  }
  for (const term of operandsFirst(body.result)) look(term)
}

/** A term and all that it is made of, each once, operands first. */
function operandsFirst(root: Term): readonly Term[] {
  const seen = new Set<Term>([root])
  const done: Term[] = []
  const open = [{ term: root, operands: operandsOf(root).values() }]
  while (open.length > 0) {
    const { term, operands } = open[open.length - 1]
    const next = operands.next()
    if (next.done) {
      done.push(term)
      open.pop()
    } else if (!seen.has(next.value)) {
      seen.add(next.value)
      open.push({ term: next.value, operands: operandsOf(next.value).values() })
    }
  }
  return done
}

/** Builtins that mean the same with one more axis in front. */
const LIFTED: readonly string[] = ['sum', 'max', 'min', 'mean', 'swap']

/** Whether a value differs from expert to expert but not from row to row. */
export function isBanked(term: Term, rows = EXPERT_ROWS): boolean {
  switch (term.kind) {
    case 'weight':
      return term.bank !== null
    case 'apply':
      return !term.shape.some((size) => mentions(size, rows)) && term.operands.some((one) => isBanked(one, rows))
    case 'call':
      return isBanked(term.result, rows)
    case 'conditional':
      return isBanked(term.then, rows) || isBanked(term.otherwise, rows)
    default:
      return false
  }
}

export function operandsOf(term: Term): readonly Term[] {
  switch (term.kind) {
    case 'apply':
      return term.operands
    case 'call':
      return [term.result]
    case 'conditional':
      return [term.then, term.otherwise]
    case 'branch':
      return [term.training, term.otherwise]
    case 'bank':
      return [term.weight]
    case 'after':
      return term.loop.carried.flatMap(({ initial, next }) => [initial, next])
    case 'moe':
    case 'every-expert':
      return [term.input]
    case 'eligible':
      return [term.scores]
    case 'input':
    case 'weight':
    case 'given':
    case 'scalar':
    case 'numbers':
    case 'carried':
      return []
    default:
      return term satisfies never
  }
}
