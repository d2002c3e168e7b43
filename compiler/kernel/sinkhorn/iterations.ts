/** Sinkhorn iterations within one workgroup, until the columns of the transport plan have their marginals. */
import type { Expression, Statement } from '../../scalar/expression.ts'
import { add, binary, element, f32, less, select, u32, variable } from '../../scalar/build.ts'
import { addRows, clearSums, fillColumns, judge, measureRows, moved, threshold, type Scaling } from './statements.ts'
import {
  define,
  mutable,
  assign,
  setElement,
  when,
  loopOver,
  doWhile,
  BARRIER,
  uniformLoad,
  onFirstThread,
} from '../../scalar/statements.ts'

export interface Transport {
  readonly scaling: Scaling
  readonly buffers: { readonly cost: string; readonly rows: string; readonly columns: string }
  /** u32. */
  readonly tokens: Expression
  readonly iterations: number
  readonly tolerance: number
}

export const count = variable('u32', 'count')
export const residual = variable('f32', 'residual')
export const first = variable('u32', 'first')

/** A loop over blocks of rows; the last block may be shorter. All threads reach the barriers of the body. */
export const eachBlock = (
  { scaling: { block }, tokens }: Transport,
  body: (filled: Expression) => readonly Statement[],
): Statement =>
  loopOver('first', u32(0), tokens, u32(block), () => body(binary('minimum', u32(block), binary('subtract', tokens, first))))

/** Computes `log_v`, and the variables `count` and `residual`. `told` runs after each iteration, whose number is `count` - 1. */
export function iterate(transport: Transport, told: readonly Statement[] = []): readonly Statement[] {
  const { scaling, buffers, iterations, tolerance } = transport
  const started = less(u32(0), count)
  const enough = binary(
    'and',
    started,
    binary('or', binary('less_equal', u32(iterations), count), less(residual, variable('f32', 'threshold'))),
  )
  const iteration: Statement[] = [
    clearSums(scaling),
    eachBlock(transport, (filled) => [
      ...measureRows(scaling, buffers, first, filled, started),
      ...addRows(scaling, buffers.cost, first, filled),
    ]),
    // the loop has barriers of its own, but without tokens it does not run
    BARRIER,
    ...judge(scaling, buffers.columns),
    onFirstThread([setElement('again', u32(0), select(enough, u32(0), u32(1)))]),
    uniformLoad('goes_on', 'again', u32(0)),
    when(binary('equal', variable('u32', 'goes_on'), u32(1)), [
      fillColumns(scaling, 'log_v', (at) => moved(element('f32', 'log_v', at), buffers.columns, at)),
      assign('count', add(count, u32(1))),
      ...told,
    ]),
    BARRIER,
  ]
  return [
    fillColumns(scaling, 'log_v', () => f32(0)),
    mutable('count', u32(0)),
    mutable('residual', f32(0)),
    define('threshold', threshold(scaling, buffers.columns, tolerance)),
    BARRIER,
    doWhile(iteration, binary('equal', variable('u32', 'goes_on'), u32(1))),
  ]
}
