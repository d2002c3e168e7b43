/** Records as named tensors: what a run reads back, and what lies in a safetensors file. */
import type { Checkpoint } from '../checkpoint/checkpoint.ts'
import { readTensor } from '../checkpoint/tensor.ts'
import { RouteError } from '../errors.ts'
import type { HostData } from '../tensors.ts'
import { checkRecord, type RoutedLayer, type RouteRecord } from './record.ts'

/** Where a layer's decisions stand among the outputs of a run. */
export interface RouteOutput {
  readonly layer: string
  readonly experts: number
  /** i32 [T, k]. */
  readonly selected: string
  /** f32 [T, k]. */
  readonly weights: string
}

/** Key of the metadata that lists layers and their experts, in the order of the run. */
const LAYERS = 'smoe.routes'

function layerOf({ layer, experts }: RouteOutput, selected: HostData, weights: HostData): RoutedLayer {
  if (!(selected.data instanceof Int32Array) || !(weights.data instanceof Float32Array)) throw new RouteError(layer, 'choices are i32 and weights f32')
  const [tokens, k] = selected.shape
  if (selected.shape.length !== 2 || weights.shape.join() !== selected.shape.join()) {
    throw new RouteError(layer, `choices [${selected.shape.join(', ')}] and weights [${weights.shape.join(', ')}] are not both [T, k]`)
  }
  return { name: layer, experts, tokens, k, selected: selected.data, weights: weights.data }
}

/** The record among the outputs of a run with routes. Throws a RouteError or NotFiniteError as `checkRecord`. */
export function recordOf(routes: readonly RouteOutput[], outputs: Readonly<Record<string, HostData>>): RouteRecord {
  const record = { layers: routes.map((route) => layerOf(route, outputs[route.selected], outputs[route.weights])) }
  checkRecord(record)
  return record
}

/** `layers.0/moe.selected` and `layers.0/moe.weights` for each layer, and the metadata that tells their experts. */
export function routeTensors({ layers }: RouteRecord): { readonly tensors: Readonly<Record<string, HostData>>; readonly metadata: Readonly<Record<string, string>> } {
  const tensors = layers.flatMap(({ name, tokens, k, selected, weights }): [string, HostData][] => [
    [`${name}.selected`, { shape: [tokens, k], data: selected }],
    [`${name}.weights`, { shape: [tokens, k], data: Float32Array.from(weights) }],
  ])
  return { tensors: Object.fromEntries(tensors), metadata: { [LAYERS]: JSON.stringify(layers.map(({ name, experts }) => ({ name, experts }))) } }
}

interface Listed {
  readonly name: string
  readonly experts: number
}

const isListed = (value: unknown): value is Listed =>
  typeof (value as Listed | null)?.name === 'string' && Number.isSafeInteger((value as Listed).experts)

function listedLayers({ metadata, name }: Checkpoint): readonly Listed[] {
  const none = new RouteError(name, `is no record of routes: its metadata has no list of layers in '${LAYERS}'`)
  if (!Object.hasOwn(metadata, LAYERS)) throw none
  try {
    const layers: unknown = JSON.parse(metadata[LAYERS])
    if (Array.isArray(layers) && layers.every(isListed)) return layers
  } catch {
    // no JSON either
  }
  throw none
}

/** A record from a file that `routeTensors` was written to. Throws a RouteError, a NotFiniteError or a CheckpointError. */
export async function readRoutes(checkpoint: Checkpoint): Promise<RouteRecord> {
  const layers: RoutedLayer[] = []
  for (const { name, experts } of listedLayers(checkpoint)) {
    const [selected, weights] = [await readTensor(checkpoint, `${name}.selected`), await readTensor(checkpoint, `${name}.weights`)]
    layers.push(layerOf({ layer: name, experts, selected: '', weights: '' }, selected as HostData, weights as HostData))
  }
  const record = { layers }
  checkRecord(record)
  return record
}
