/** A smaller model: which experts stay, and the folder that holds them. */
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import { textPieces } from '../../runtime/files/index.ts'
import { EXIT, Failure } from '../exit.ts'
import { besideFiles } from '../export/beside.ts'
import { fieldOf, setField, valueAt, type ChangedConfig } from '../export/config.ts'
import { hubFolder, type Cut, type FolderOptions, type HubFolder } from '../export/export.ts'
import { saidBy, type Given } from '../export/given.ts'
import type { Lowered } from '../export/refusal.ts'
import { weightFiles } from '../export/shards.ts'
import { exportedTensors } from '../export/tensors.ts'
import type { Terminal } from '../terminal.ts'
import { chooseKept } from './choose.ts'
import type { ExpertLayer, PrunedLayer } from './layers.ts'
import { specWithCounts, type SpecModel } from './spec.ts'

/** The experts of each layer that stay, so many in each. Throws a Failure for a number that does not go. */
export function chosenLayers(
  layers: readonly ExpertLayer[],
  scores: readonly Float64Array[],
  counts: readonly number[],
  isHighest: boolean,
): readonly PrunedLayer[] {
  return layers.map(({ path, experts, groups }, at) => {
    const kept = chooseKept(scores[at], counts[at], groups, isHighest)
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
          throw new Failure(
            EXIT.usage,
            `the number of experts is also a size of ${name}, which is not in a routed layer`,
            '--to spec writes a spec in which the experts of routed layers alone are fewer',
          )
        return [[name, layer.kept]]
      }),
    )
  }

/**
 * The folder of the smaller model in the layout of the hub. The router keeps its policy: groups, the number of experts a token,
 * and what renormalises. Throws a Failure where the config cannot say it, and for quantised experts that are not converted.
 */
export function prunedFolder(
  given: Given,
  layers: readonly PrunedLayer[],
  checkpoint: Checkpoint,
  options: FolderOptions,
  terminal: Terminal,
): HubFolder {
  const count = layers[0].kept.length
  if (layers.some(({ kept }) => kept.length !== count)) {
    const { reason } = specWithCounts(given, layers, options.as, terminal)
    throw new Failure(EXIT.usage, reason!, '--to spec writes a spec, which has a number for each layer')
  }
  const changed = changedConfig(given, count, terminal)
  return hubFolder({ ...given, changed, hasHubNames: false }, checkpoint, options, terminal, cutBy(layers))
}

/** The folder of the smaller model as a spec beside its weights, which have the names of the hub. */
export function specFolder(
  given: Given,
  { name, text, model }: SpecModel,
  layers: readonly PrunedLayer[],
  checkpoint: Checkpoint,
  { as, shard }: FolderOptions,
  terminal: Terminal,
): HubFolder {
  const { interleaved, folder } = given
  const { tensors, leftOut } = exportedTensors({
    from: given.model.ports,
    to: model.ports,
    as,
    checkpoint,
    arrangement: { interleaved, kept: cutBy(layers)!(given.model, model) },
    carries: () => false,
  })
  const others = folder === null ? [] : besideFiles(terminal.path(folder))
  const spec = { name, pieces: textPieces(text), bytes: Buffer.byteLength(text) }
  return {
    files: [spec, ...others, ...weightFiles(tensors, shard)],
    tensors,
    isVerbatim: false,
    changes: [],
    beside: others.map((file) => file.name),
    leftOut,
  }
}
