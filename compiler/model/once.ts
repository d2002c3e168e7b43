/** Whether a value depends on the run, and not on weights alone. */
import { symbolsOf, type Dim } from '../../plan/dim.ts'
import { BUILTINS } from './builtin/table.ts'
import type { Term } from './model.ts'

export function dependsOnRun(term: Term, runDims: ReadonlySet<string>): boolean {
  const known = new Map<Term, boolean>()
  const atRun = (sizes: readonly Dim[]): boolean => sizes.some((size) => symbolsOf(size).some((name) => runDims.has(name)))
  const depends = (one: Term): boolean => {
    const found = known.get(one)
    if (found !== undefined) return found
    const result = atRun(one.shape) || compute(one)
    known.set(one, result)
    return result
  }
  const compute = (one: Term): boolean => {
    switch (one.kind) {
      case 'input': case 'given': case 'moe': case 'every-expert': case 'carried': return true
      case 'weight': case 'scalar': case 'bank': return false
      case 'apply': return BUILTINS[one.builtin].random !== undefined || one.operands.some(depends)
      case 'call': return depends(one.result)
      case 'conditional': return depends(one.then) || depends(one.otherwise)
      case 'branch': return depends(one.training) || depends(one.otherwise)
      case 'after': {
        // at the beginning of a turn a var is what it was before the loop, or what a turn has made of it
        for (const { start, initial } of one.loop.carried) known.set(start, depends(initial))
        return one.loop.carried.some(({ initial, next }) => depends(initial) || depends(next))
      }
      default: return one satisfies never
    }
  }
  return depends(term)
}
