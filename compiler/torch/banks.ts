/** Weights of a bank, [E, ...], beside rows that are grouped by expert: each row uses those of its own expert. */
import { BUILTINS } from '../model/builtin/table.ts'
import { isBanked } from '../model/types/rows.ts'
import { library, writeBuiltin, type Use } from './builtins.ts'
import { at, LEVEL, py, type Py } from './python.ts'
import { TorchRefusal } from './refusal.ts'
import { thing } from './unit.ts'

/** `w[:, None]`: axes of size 1 behind the first. */
const widened = (w: Py, missing: number): Py => (missing <= 0 ? w : py(`${at(w, LEVEL.primary)}[:${', None'.repeat(missing)}]`))

/** A builtin of which an operand is banked. */
export function writeBanked(use: Use): Py {
  const { unit, term, operands, terms } = use
  if (isBanked(term)) return writeLifted(use)
  const [left, right] = terms
  if (term.builtin === 'matmul' && left.shape.length === 2 && right.shape.length === 2) {
    const w = use.options.transposed ? operands[1] : py(`${at(operands[1], LEVEL.primary)}.mT`)
    return library(unit, 'grouped_linear', [operands[0], w, thing(unit, 'groups')])
  }
  if (!BUILTINS[term.builtin].elementwise)
    throw new TorchRefusal(`${term.builtin} of the weights of an expert has no grouped form in the torch module`, term.origin)
  const inRows = operands.map((w, i) => {
    if (!isBanked(terms[i])) return w
    const missing = term.shape.length - 1 - terms[i].shape.length
    return widened(py(`${at(w, LEVEL.primary)}[${thing(unit, 'groups')}.expert]`), missing)
  })
  return writeBuiltin({ ...use, operands: inRows })
}

/** A builtin on weights alone, for all experts at once. */
function writeLifted(use: Use): Py {
  const { term, operands, terms, options } = use
  const rank = Math.max(...terms.map(({ shape }) => shape.length))
  const { elementwise } = BUILTINS[term.builtin]
  const lifted = operands.map((w, i) => (isBanked(terms[i]) && elementwise ? widened(w, rank - terms[i].shape.length) : w))
  // an axis counted from the front is one further back
  const shifted = options.axis >= 0 ? { ...options, axis: options.axis + 1 } : options
  if (term.builtin === 'swap') return py(`${at(lifted[0], LEVEL.primary)}.mT`)
  return writeBuiltin({ ...use, operands: lifted, options: shifted })
}
