/** A smaller model: which experts stay, and the folder that holds them. */
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import { EXIT, Failure } from '../exit.ts'
import { fieldOf, setField, valueAt, type ChangedConfig } from '../export/config.ts'
import { hubFolder, type Cut, type FolderOptions, type HubFolder } from '../export/export.ts'
import { saidBy, type Given } from '../export/given.ts'
import type { Lowered } from '../export/refusal.ts'
import type { Terminal } from '../terminal.ts'
import { chooseKept, keptCount } from './choose.ts'
import type { ExpertLayer } from './layers.ts'

export interface PrunedLayer {
  /** `layers.0.moe` */
  readonly path: string
  /** Ascending. */
  readonly kept: readonly number[]
  readonly removed: readonly number[]
  /** [E] */
  readonly scores: Float64Array
}

/** The experts of each layer that stay: as many in all of them. Throws a Failure for a number that does not go. */
export function chosenLayers(
  layers: readonly ExpertLayer[],
  scores: readonly Float64Array[],
  keep: string,
  isHighest: boolean,
): readonly PrunedLayer[] {
  return layers.map(({ path, experts, groups }, at) => {
    const kept = chooseKept(scores[at], keptCount(keep, experts), groups, isHighest)
    const removed = Array.from({ length: experts }, (_, e) => e).filter((e) => !kept.includes(e))
    return { path, kept, removed, scores: scores[at] }
  })
}

/** Layers beyond the last, which predict further tokens, go with the experts that they have. */
const FURTHER = 'num_nextn_predict_layers'

function changedConfig({ changed, type }: Given, count: number, terminal: Terminal): ChangedConfig {
  const { fields } = saidBy('the config', changed, terminal).imported
  const field = fieldOf('E', fields)
  if (field === null) throw new Failure(EXIT.usage, `no field of a '${type}' is the number of experts alone`)
  const cut = setField(changed, type, field, count)
  return valueAt(cut.config, [FURTHER]) === undefined ? cut : setField(cut, type, FURTHER, 0)
}

/** The entries of a weight that are left, where it has one for each expert. Throws a Failure where another size changes too. */
const cutBy =
  (layers: readonly PrunedLayer[]): Cut =>
  (from: Lowered, to: Lowered) => {
    const shapes = new Map(to.ports.map(({ name, shape }) => [name, shape]))
    return new Map(
      from.ports.flatMap(({ name, shape }): readonly (readonly [string, readonly number[]])[] => {
        const smaller = shapes.get(name)
        if (smaller?.join() === shape.join()) return []
        const layer = layers.find(({ path }) => name.startsWith(`${path}.`))
        const isCut = smaller !== undefined && smaller.slice(1).join() === shape.slice(1).join()
        if (layer === undefined || !isCut)
          throw new Failure(EXIT.usage, `the number of experts is also a size of ${name}, which is not in a routed layer`)
        return [[name, layer.kept]]
      }),
    )
  }

/**
 * The folder of the smaller model. The router keeps its policy: groups, the number of experts a token, and what renormalises.
 * Throws a Failure where the architecture does not allow the number, and for quantised experts that are not converted.
 */
export function prunedFolder(
  given: Given,
  layers: readonly PrunedLayer[],
  checkpoint: Checkpoint,
  options: FolderOptions,
  terminal: Terminal,
): HubFolder {
  const changed = changedConfig(given, layers[0].kept.length, terminal)
  return hubFolder({ ...given, changed, hasHubNames: false }, checkpoint, options, terminal, cutBy(layers))
}
