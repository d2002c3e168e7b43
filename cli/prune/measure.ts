/** What every expert of every layer was asked for, over the tokens of texts: one pass, a window at a time. */
import type { Text } from '../../analysis/eval/evaluate.ts'
import { windowsOf } from '../../analysis/eval/windows.ts'
import { choicesOf } from '../../runtime/routing/tensors.ts'
import type { RoutedLayer } from '../../runtime/routing/record.ts'
import type { Loaded } from '../model/open.ts'
import { sequenceShape, textPorts } from '../model/ports.ts'
import type { Powers, Seen } from './criteria.ts'

/** How the model is lowered, so that `measure` finds what it needs. */
export const MEASURED = { routes: true, norms: true } as const

/** Adds the assignments of a layer that were not dropped. */
export function addLayer(
  { count, sum }: Seen,
  { selected, weights }: Pick<RoutedLayer, 'selected' | 'weights'>,
  norms: ArrayLike<number>,
  { gate, activation }: Powers,
): void {
  for (let at = 0; at < selected.length; at++) {
    const expert = selected[at]
    if (expert < 0) continue
    count[expert]++
    sum[expert] += weights[at] ** gate * norms[at] ** activation
  }
}

export interface MeasureRequest {
  readonly texts: readonly Text[]
  /** Most tokens of a window; windows do not overlap. */
  readonly context: number
  readonly powers: Powers
  readonly onProgress: (done: number) => void
}

/** By the path of the layer, `layers.0.moe`. */
export async function measure(
  { compiled, run }: Loaded,
  { texts, context, powers, onProgress }: MeasureRequest,
): Promise<ReadonlyMap<string, Seen>> {
  const ports = textPorts(compiled.plan)
  const seen = new Map<string, Seen>()
  const norms = new Map(
    compiled.plan.outputs.flatMap(({ name, role }) =>
      role?.kind === 'routing' && role.part === 'norms' ? [[role.layer, name] as const] : [],
    ),
  )
  let done = 0
  for (const { tokens } of texts)
    for (const { start, end } of windowsOf(tokens.length, context, context)) {
      const data = tokens.slice(start, end)
      const outputs = await run({ [ports.tokens.name]: { shape: sequenceShape(ports, data.length), data } })
      for (const layer of choicesOf(compiled.graph?.routes ?? [], outputs).layers) {
        const path = layer.name.replaceAll('/', '.')
        const known = seen.get(path) ?? { count: new Float64Array(layer.experts), sum: new Float64Array(layer.experts) }
        seen.set(path, known)
        addLayer(known, layer, outputs[norms.get(layer.name)!].data, powers)
      }
      onProgress((done += end - start))
    }
  return seen
}
