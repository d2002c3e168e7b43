/** Whether a value depends on inputs, and not only on weights. */
import type { Dim } from '../../../plan/dim.ts'
import type { Options } from '../builtin/options.ts'
import { BUILTINS } from '../builtin/table.ts'
import type { Context } from '../context/context.ts'
import type { Term } from '../model.ts'
import { changesByStep, int, symbolsIn, type Static } from '../static/static.ts'

type Sizes = Pick<Context, 'runDims' | 'symbols'>

/** The dim of a run that a number known before it is made of; undefined where there is none. */
export function runDimOf({ runDims, symbols }: Sizes, value: Static): string | undefined {
  const waits = (name: string): string | undefined => {
    if (runDims.has(name)) return name
    const behind = symbols.get(name)
    return behind === undefined
      ? undefined
      : symbolsIn(behind)
          .map(waits)
          .find((one) => one !== undefined)
  }
  return symbolsIn(value)
    .map(waits)
    .find((name) => name !== undefined)
}

const sizesIn = ({ dims, count, sizes, slices }: Options): readonly Dim[] => [
  ...dims,
  count,
  ...Object.values(sizes),
  ...slices.flatMap(({ start, size }) => [start, size]),
]

export function dependsOnRun(context: Sizes, term: Term): boolean {
  const known = new Map<Term, boolean>()
  const atRun = (sizes: readonly Dim[]): boolean => sizes.some((size) => runDimOf(context, int(size)) !== undefined)
  const depends = (one: Term): boolean => {
    const found = known.get(one)
    if (found !== undefined) return found
    const result = atRun(one.shape) || compute(one)
    known.set(one, result)
    return result
  }
  const compute = (one: Term): boolean => {
    switch (one.kind) {
      case 'input':
      case 'given':
      case 'moe':
      case 'every-expert':
      case 'eligible':
      case 'carried':
        return true
      case 'weight':
      case 'bank':
      case 'numbers':
        return false
      case 'scalar':
        return runDimOf(context, one.value) !== undefined || changesByStep(one.value)
      case 'apply':
        return BUILTINS[one.builtin].random !== undefined || atRun(sizesIn(one.options)) || one.operands.some(depends)
      case 'call':
        return depends(one.result)
      case 'conditional':
        return depends(one.then) || depends(one.otherwise)
      case 'branch':
        return depends(one.training) || depends(one.otherwise)
      case 'after': {
        // at the beginning of a turn a var is what it was before the loop, or what a turn has made of it
        for (const { start, initial } of one.loop.carried) known.set(start, depends(initial))
        return one.loop.carried.some(({ initial, next }) => depends(initial) || depends(next))
      }
      default:
        return one satisfies never
    }
  }
  return depends(term)
}
