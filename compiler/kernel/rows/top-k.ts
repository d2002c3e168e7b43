import { constantValue } from '../../../plan/dim.ts'
import type { Node } from '../../graph/node.ts'
import { binary, cast, element, literal, u32, unary, variable } from '../../scalar/build.ts'
import type { Expression, Statement } from '../../scalar/expression.ts'
import { LimitError } from '../limit-error.ts'
import type { RowWriter } from './writer.ts'
import { define, mutable, assign, setElement, when, loopTo } from '../../scalar/statements.ts'

const isNumber = (e: Expression): Expression => binary('equal', e, e)

/**
 * k rounds, each of which finds the largest remaining score: the first of equals, a NaN only where nothing else remains. Every
 * round finds one, so that every index is valid whatever the scores are. The chosen indices are in the array of the given name.
 */
export function topK(
  node: Node & { op: 'top_k' },
  row: RowWriter,
): { readonly chosen: string; readonly statements: readonly Statement[] } {
  const [from] = node.inputs
  const { k } = node.params
  const length = rankedLength(node)
  const [taken, chosen, round, i, best, bestAt, found] = ['taken', 'chosen', 'round', 'i', 'best', 'best_at', 'found'].map(
    (base) => row.fresh(base),
  )
  const next = `${best}_next`
  const at = variable('u32', i)
  const place = variable('u32', bestAt)
  const free = binary('equal', element('u32', taken, at), u32(0))
  const better = beats(variable(from.dtype, next), variable(from.dtype, best), variable('bool', found))
  const take: readonly Statement[] = [
    assign(best, variable(from.dtype, next)),
    assign(bestAt, at),
    assign(found, literal('bool', 1)),
  ]
  const findBest: Statement = loopTo(i, u32(length), () => [
    define(next, row.value(from, at)),
    when(binary('and', free, better), take),
  ])
  const statements: readonly Statement[] = [
    { kind: 'array', name: taken, type: 'u32', length },
    { kind: 'array', name: chosen, type: 'i32', length: k },
    loopTo(round, u32(k), () => [
      mutable(best, literal(from.dtype, 0)),
      mutable(bestAt, u32(0)),
      mutable(found, literal('bool', 0)),
      findBest,
      setElement(taken, place, u32(1)),
      setElement(chosen, variable('u32', round), cast('i32', place)),
    ]),
  ]
  return { chosen, statements }
}

/** Whether a score is the first one, larger than the best so far, or a number where the best is NaN. */
function beats(current: Expression, best: Expression, found: Expression): Expression {
  const isLarger = binary('less', best, current)
  const isOnlyNumber = binary('and', unary('not', isNumber(best)), isNumber(current))
  return binary('or', unary('not', found), binary('or', isLarger, isOnlyNumber))
}

function rankedLength({ inputs: [from], origin }: Node): number {
  const along = from.shape.at(-1)!
  const length = constantValue(along)
  if (length !== undefined) return length
  const message = `the size of the ranked axis, ${along.key}, is known only at run time`
  throw new LimitError('SMOE6002', message, 'rank along an axis whose size is a parameter', origin)
}
