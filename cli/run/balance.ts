/** What a run says of the requirements that are checked on what it has decided: `balanced within P%`. */
import { load } from '../../runtime/routing/load.ts'
import { balance, type Balance } from '../../runtime/routing/balance.ts'
import type { RouteRecord } from '../../runtime/routing/record.ts'
import { EXIT, Failure } from '../exit.ts'
import { paint } from '../output.ts'
import { balanceWords, isBalanced } from '../routing/balance.ts'
import type { Terminal } from '../terminal.ts'

export interface LayerBalance extends Balance {
  readonly layer: string
  readonly experts: number
}

/** Of each layer of which it is required, in the order of the run. */
export const balances = ({ layers }: RouteRecord, within: Readonly<Record<string, number>>): readonly LayerBalance[] =>
  layers.flatMap((layer) =>
    Object.hasOwn(within, layer.name)
      ? [{ layer: layer.name, experts: layer.experts, ...balance(load(layer), within[layer.name]) }]
      : [],
  )

/** A line a layer. */
export const balanceLines = (all: readonly LayerBalance[], { outHasColor }: Terminal): string =>
  all
    .map(
      (one) =>
        `${one.layer}: ${isBalanced(one) ? balanceWords(one, one.experts) : paint(outHasColor, 'red', balanceWords(one, one.experts))}\n`,
    )
    .join('')

/** `--strict-routing`: throws a Failure where a requirement is not met. */
export function demandBalance(all: readonly LayerBalance[], terminal: Terminal): void {
  if (all.length === 0) terminal.err('note: --strict-routing finds nothing to check, no layer requires `balanced within P%`\n')
  const missed = all.filter((one) => !isBalanced(one))
  if (missed.length === 0) return
  const first = missed
    .slice(0, 4)
    .map(({ layer }) => layer)
    .join(', ')
  throw new Failure(
    EXIT.requirementMissed,
    `${first}${missed.length > 4 ? ` and ${missed.length - 4} more` : ''}: the load is not as balanced as the model requires`,
  )
}
