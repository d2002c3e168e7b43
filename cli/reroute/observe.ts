/** What the report needs of a device: what the original model routed where, and the experts' own directions. */
import type { Graph } from '../../compiler/graph/node.ts'
import type { LowerOptions } from '../../compiler/lower/lower.ts'
import { routingOutputs } from '../../plan/output-role.ts'
import { PORTABLE, type Target } from '../../plan/target.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import type { Device } from '../../runtime/device.ts'
import type { Inputs } from '../../runtime/dims.ts'
import { readLoadTimeConstants } from '../../runtime/load-time-constants.ts'
import type { RoutedLayer } from '../../runtime/routing/record.ts'
import { recordOf } from '../../runtime/routing/tensors.ts'
import type { Session } from '../../runtime/session.ts'
import type { HostData } from '../../runtime/tensors.ts'
import type { Compiled } from '../compilation.ts'
import { openUnlessReference, type DeviceOptions } from '../device.ts'
import { readWeights, referenceHeld, runReference } from '../run/reference.ts'
import { openSession } from '../session.ts'
import type { Terminal } from '../terminal.ts'

type Tensors = Readonly<Record<string, HostData>>

/** Where models run: a device, or the reference. */
export interface Place {
  readonly name: string
  readonly target: Target
  readonly run: (compiled: Compiled, inputs: Inputs, checkpoint: Checkpoint) => Promise<Tensors>
  /** What depends on weights alone. */
  readonly held: (compiled: Compiled, checkpoint: Checkpoint) => Promise<Tensors>
  readonly dispose: () => void
}

const graphOf = ({ graph }: Compiled): Graph => {
  if (graph === null) throw new Error('a plan without a graph')
  return graph
}

const reference: Place = {
  name: 'the reference, f64 on the CPU',
  target: PORTABLE,
  run: async (compiled, inputs, checkpoint) =>
    runReference(graphOf(compiled), inputs, await readWeights(graphOf(compiled), checkpoint)),
  held: async (compiled, checkpoint) => referenceHeld(graphOf(compiled), await readWeights(graphOf(compiled), checkpoint)),
  dispose: () => {},
}

/** A device that is open; the reference where there is none. */
export function placeOn(device: Device | null, terminal: Terminal): Place {
  if (device === null) return reference
  const within = async <T>({ plan }: Compiled, checkpoint: Checkpoint, work: (session: Session) => Promise<T>): Promise<T> => {
    const session = await openSession(device, plan, terminal)
    try {
      await session.loadWeights(checkpoint, { allowExtra: true })
      return await work(session)
    } finally {
      session.dispose()
    }
  }
  return {
    name: device.choice.name,
    target: device.target,
    run: (compiled, inputs, checkpoint) => within(compiled, checkpoint, (session) => session.run(inputs)),
    held: (compiled, checkpoint) => within(compiled, checkpoint, async (session) => session.held()),
    dispose: () => device.dispose(),
  }
}

export async function openPlace(options: DeviceOptions, terminal: Terminal): Promise<Place> {
  const device = await openUnlessReference(options, terminal)
  if (device === null) terminal.err(`on ${reference.name}: slow\n`)
  return placeOn(device, terminal)
}

/** How the original model is to be compiled, so that `observe` finds what it needs. */
export const OBSERVED: LowerOptions = { routes: true, rows: true }

export interface Observed {
  readonly layer: RoutedLayer
  /** What the layer routed, [T, D]. */
  readonly rows: Float64Array
}

/** One run of the original model: what each routed layer was given and chose, in the order of the run. */
export async function observe(
  place: Place,
  compiled: Compiled,
  inputs: Inputs,
  checkpoint: Checkpoint,
): Promise<readonly Observed[]> {
  const outputs = await place.run(compiled, inputs, checkpoint)
  const { layers } = recordOf(graphOf(compiled).routes ?? [], outputs)
  const rows = routingOutputs(graphOf(compiled).outputs, 'rows')
  return layers.map((layer) => ({ layer, rows: Float64Array.from(outputs[rows.get(layer.name)!].data) }))
}

/** The held values of a rerouted model: from a file where one is given, else made. */
export const directions = (
  place: Place,
  compiled: Compiled,
  checkpoint: Checkpoint,
  file: Checkpoint | null,
): Promise<Tensors> => (file === null ? place.held(compiled, checkpoint) : readLoadTimeConstants(compiled.plan, file))
