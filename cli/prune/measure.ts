/** What every expert of every layer was asked for, over the tokens of texts: one pass, a window at a time. */
import type { LowerOptions } from '../../compiler/lower/lower.ts'
import { routingOutputs } from '../../plan/output-role.ts'
import type { Plan } from '../../plan/plan.ts'
import type { RoutedLayer } from '../../runtime/routing/record.ts'
import { EXIT, Failure } from '../exit.ts'
import type { Loaded } from '../model/open.ts'
import { windowResults, type WindowRequest } from '../model/windows.ts'
import type { Powers, Seen } from './criteria.ts'

/** How the model is lowered, so that `measure` finds what it needs. */
export const loweredFor = ({ change }: Powers): LowerOptions => ({ routes: true, norms: true, change: change !== 0 })

/** What the device gives beside decisions. */
export interface Figures {
  /** Of expert outputs, [T * k]. */
  readonly norms: ArrayLike<number>
  /** Of hidden states, [T]; null where the criterion has no power of it. */
  readonly change: ArrayLike<number> | null
}

/** Adds the assignments of a layer that were not dropped. */
export function addLayer(
  { count, sum }: Seen,
  { selected, weights, k }: Pick<RoutedLayer, 'selected' | 'weights' | 'k'>,
  { norms, change }: Figures,
  { gate, activation, change: ofChange }: Powers,
): void {
  for (let at = 0; at < selected.length; at++) {
    const expert = selected[at]
    if (expert < 0) continue
    count[expert]++
    const token = change === null ? 1 : change[Math.floor(at / k)] ** ofChange
    sum[expert] += weights[at] ** gate * norms[at] ** activation * token
  }
}

/** Throws a Failure where the model has no hidden state that a layer changes. */
export function checkMeasured({ outputs }: Plan, { change }: Powers): void {
  if (change === 0) return
  const [all, found] = [routingOutputs(outputs, 'norms'), routingOutputs(outputs, 'change')]
  const without = [...all.keys()].find((layer) => !found.has(layer))
  if (without !== undefined)
    throw new Failure(
      EXIT.usage,
      `${without} does not add the sum of its experts to the hidden state by linear operations: how far it turns it is not defined`,
      'use a criterion without the factor change, such as --by reap',
    )
}

/** By the path of the layer, `layers.0.moe`. */
export async function measure(loaded: Loaded, request: WindowRequest, powers: Powers): Promise<ReadonlyMap<string, Seen>> {
  const { outputs: ports } = loaded.compiled.plan
  const seen = new Map<string, Seen>()
  const [norms, changes] = [routingOutputs(ports, 'norms'), routingOutputs(ports, 'change')]
  for await (const { layers, outputs } of windowResults(loaded, request))
    for (const layer of layers) {
      const path = layer.name.replaceAll('/', '.')
      const known = seen.get(path) ?? { count: new Float64Array(layer.experts), sum: new Float64Array(layer.experts) }
      seen.set(path, known)
      const numbers = (name: string | undefined): Float32Array | null =>
        name === undefined ? null : (outputs[name].data as Float32Array)
      addLayer(known, layer, { norms: numbers(norms.get(layer.name))!, change: numbers(changes.get(layer.name)) }, powers)
    }
  return seen
}
