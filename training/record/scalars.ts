import type { LayerRouting } from '../events.ts'
import type { Recorded } from './metrics.ts'

export interface Scalar {
  /** `loss/cross_entropy`: what stands before the stroke is drawn together. */
  readonly tag: string
  readonly value: number
}

type Named = Readonly<Record<string, number | null>>

const tagged = (group: string, values: Named): readonly Scalar[] =>
  Object.entries(values).flatMap(([name, value]) =>
    value === null || !Number.isFinite(value) ? [] : [{ tag: `${group}/${name}`, value }],
  )

/** `loss.cross_entropy` -> `cross_entropy`. */
const short = (values: Readonly<Record<string, number>>): Named =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name.replace(/^(loss|metric)\./, ''), value]))

const routing = ({ layer, cv, maxVio, allocationEntropy, weightEntropy, load, dropped }: LayerRouting): readonly Scalar[] =>
  tagged(`routing ${layer}`, {
    cv,
    max_vio: maxVio,
    allocation_entropy: allocationEntropy,
    weight_entropy: weightEntropy,
    dead: load.filter((count) => count === 0).length,
    dropped,
  })

/** The numbers of an event that are drawn over the steps. */
export function scalarsOf(event: Recorded): readonly Scalar[] {
  switch (event.kind) {
    case 'step':
      return [
        ...tagged('loss', { total: event.loss, ...short(event.losses) }),
        ...tagged('metric', short(event.metrics)),
        ...tagged('training', {
          rate: event.rate,
          norm: event.norm,
          pace: event.pace,
          epoch: event.epoch,
          competing: event.chosen.length,
          ...(event.scale == null ? {} : { scale: event.scale, skipped: Number(event.skipped) }),
        }),
        ...event.routing.flatMap(routing),
      ]
    case 'validation':
      return [
        ...tagged('validation loss', { total: event.loss, ...short(event.losses) }),
        ...tagged('validation metric', short(event.metrics)),
      ]
    case 'probe':
      return event.layers.flatMap(({ layer, changeTop1, changeSet }) =>
        tagged(`change ${layer}`, { top1: changeTop1, set: changeSet }),
      )
    case 'start':
    case 'end':
      return []
    default:
      return event satisfies never
  }
}
