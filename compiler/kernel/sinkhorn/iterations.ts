/** The iterations of a transport plan's scalings within one workgroup, until the columns fit. */
import type { Expression, Statement } from '../../scalar/expression.ts'
import { add, binary, element, f32, less, select, u32, variable } from '../../scalar/build.ts'
import {
  addRows,
  BARRIER,
  clearSums,
  fillColumns,
  judge,
  measureRows,
  moved,
  name,
  onFirstLane,
  threshold,
  type Scaling,
} from './statements.ts'

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

/** Blocks of rows from `first` on, the last one shorter; what the body holds of barriers all lanes reach. */
export const eachBlock = (
  { scaling: { block }, tokens }: Transport,
  body: (filled: Expression) => readonly Statement[],
): Statement => ({
  kind: 'for',
  variable: 'first',
  from: u32(0),
  below: tokens,
  step: u32(block),
  body: body(binary('minimum', u32(block), binary('subtract', tokens, first))),
})

/** Leaves `log_v`, and the variables `count` and `residual`; `told` is done after each iteration, whose place is `count` - 1. */
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
    // for the sums where there are no tokens, and no barrier with them
    BARRIER,
    ...judge(scaling, buffers.columns),
    onFirstLane([{ kind: 'assign-element', array: 'again', index: u32(0), value: select(enough, u32(0), u32(1)) }]),
    { kind: 'uniform-load', name: 'goes_on', array: 'again', index: u32(0) },
    {
      kind: 'if',
      condition: binary('equal', variable('u32', 'goes_on'), u32(1)),
      otherwise: [],
      body: [
        fillColumns(scaling, 'log_v', (at) => moved(element('f32', 'log_v', at), buffers.columns, at)),
        { kind: 'assign', name: 'count', value: add(count, u32(1)) },
        ...told,
      ],
    },
    BARRIER,
  ]
  return [
    fillColumns(scaling, 'log_v', () => f32(0)),
    { kind: 'var', name: 'count', value: u32(0) },
    { kind: 'var', name: 'residual', value: f32(0) },
    name('threshold', threshold(scaling, buffers.columns, tolerance)),
    BARRIER,
    { kind: 'loop', body: iteration, while: binary('equal', variable('u32', 'goes_on'), u32(1)) },
  ]
}
