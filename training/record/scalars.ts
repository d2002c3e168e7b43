/** The scalars of an event, as TensorBoard shows them. */
import { shortReportName } from '../../plan/output-role.ts'
import type { LayerRouting } from '../events.ts'
import type { Recorded } from './metrics.ts'

export interface Scalar {
  /** `loss/cross_entropy`: tags with the same prefix are one group. */
  readonly tag: string
  readonly value: number
}

type Named = Readonly<Record<string, number | null>>

const tagged = (group: string, values: Named): readonly Scalar[] =>
  Object.entries(values).flatMap(([name, value]) =>
    value === null || !Number.isFinite(value) ? [] : [{ tag: `${group}/${name}`, value }],
  )

const short = (values: Readonly<Record<string, number>>): Named =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [shortReportName(name), value]))

const routing = ({ layer, cv, maxVio, allocationEntropy, weightEntropy, load, dropped }: LayerRouting): readonly Scalar[] =>
  tagged(`routing ${layer}`, {
    cv,
    max_vio: maxVio,
    allocation_entropy: allocationEntropy,
    weight_entropy: weightEntropy,
    dead: load.filter((count) => count === 0).length,
    dropped,
  })

/** The scalars of an event. */
export function scalarsOf(event: Recorded): readonly Scalar[] {
  switch (event.kind) {
    case 'step':
      return [
        ...tagged('loss', { total: event.loss, ...short(event.losses) }),
        ...tagged('metric', short(event.metrics)),
        ...tagged('training', {
          learning_rate: event.learningRate,
          gradient_norm: event.gradientNorm,
          throughput: event.throughput,
          epoch: event.epoch,
          competing: event.competing.length,
          ...(event.lossScale == null ? {} : { loss_scale: event.lossScale, skipped: Number(event.skipped) }),
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
