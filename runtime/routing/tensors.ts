/** Records as named tensors: what a run reads back, and what lies in a safetensors file. */
import { emptyTable } from '../../plan/table.ts'
import type { Checkpoint } from '../checkpoint/checkpoint.ts'
import type { FileData } from '../checkpoint/encode.ts'
import { readTensor } from '../checkpoint/tensor.ts'
import { RouteError } from '../errors.ts'
import { checkRecord, checkRecordChoices, type Reals, type RoutedLayer, type RouteRecord } from './record.ts'

/** Where a layer's decisions stand among the outputs of a run, or its inputs. */
export interface RouteOutput {
  readonly layer: string
  readonly experts: number
  /** i32 [T, k]. */
  readonly selected: string
  /** f32 [T, k]; f64 of the reference. */
  readonly weights: string
  /** As the weights, [T]; null where no weight is passed on. */
  readonly spilled: string | null
}

/** Key of the metadata that lists layers and their experts, in the order of the run. */
const LAYERS = 'smoe.routes'

type Tensors = Readonly<Record<string, FileData>>

/** Throws a RouteError for what is no f32 or f64. */
function realsOf(layer: string, what: string, data: FileData['data']): Reals {
  if (data instanceof Float32Array || data instanceof Float64Array) return data
  throw new RouteError(layer, `${what} are f32, or f64`)
}

function layerOf({ layer, experts, ...names }: RouteOutput, tensors: Tensors): RoutedLayer {
  const [selected, weights] = [tensors[names.selected], tensors[names.weights]]
  if (!(selected.data instanceof Int32Array)) throw new RouteError(layer, 'choices are i32')
  const [tokens, k] = selected.shape
  if (selected.shape.length !== 2 || weights.shape.join() !== selected.shape.join()) {
    throw new RouteError(
      layer,
      `choices [${selected.shape.join(', ')}] and weights [${weights.shape.join(', ')}] are not both [T, k]`,
    )
  }
  const own = { name: layer, experts, tokens, k, selected: selected.data, weights: realsOf(layer, 'weights', weights.data) }
  if (names.spilled === null) return own
  const { shape, data } = tensors[names.spilled]
  if (shape.join() !== String(tokens))
    throw new RouteError(layer, `weights that are passed on, [${shape.join(', ')}], are not [T], T = ${tokens}`)
  return { ...own, spilled: realsOf(layer, 'weights that are passed on', data) }
}

/** The record among the outputs of a run with routes, whatever its weights are. Throws a RouteError as `checkRecordChoices`. */
export function choicesOf(routes: readonly RouteOutput[], outputs: Tensors): RouteRecord {
  const record = { layers: routes.map((route) => layerOf(route, outputs)) }
  checkRecordChoices(record)
  return record
}

/** The record among the outputs of a run with routes. Throws a RouteError or NotFiniteError as `checkRecord`. */
export function recordOf(routes: readonly RouteOutput[], outputs: Tensors): RouteRecord {
  const record = choicesOf(routes, outputs)
  checkRecord(record)
  return record
}

/** The names of a layer's tensors in a file. */
const namesIn = (layer: string, spills: boolean): Pick<RouteOutput, 'selected' | 'weights' | 'spilled'> => ({
  selected: `${layer}.selected`,
  weights: `${layer}.weights`,
  spilled: spills ? `${layer}.spilled` : null,
})

/** `layers.0/moe.selected` and `layers.0/moe.weights` for each layer, and the metadata that tells their experts. */
export function routeTensors({ layers }: RouteRecord): {
  readonly tensors: Tensors
  readonly metadata: Readonly<Record<string, string>>
} {
  const tensors = layers.flatMap(({ name, tokens, k, selected, weights, spilled }): [string, FileData][] => [
    [`${name}.selected`, { shape: [tokens, k], data: selected }],
    [`${name}.weights`, { shape: [tokens, k], data: weights }],
    ...(spilled === undefined ? [] : [[`${name}.spilled`, { shape: [tokens], data: spilled }] as [string, FileData]]),
  ])
  return {
    tensors: Object.fromEntries(tensors),
    metadata: { [LAYERS]: JSON.stringify(layers.map(({ name, experts }) => ({ name, experts }))) },
  }
}

interface Listed {
  readonly name: string
  readonly experts: number
}

const isListed = (value: unknown): value is Listed =>
  typeof (value as Listed | null)?.name === 'string' && Number.isSafeInteger((value as Listed).experts)

function listedLayers({ metadata, name }: Checkpoint): readonly Listed[] {
  const none = new RouteError(name, `is not a record of routes: its metadata has no list of layers in '${LAYERS}'`)
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
  const routes = listedLayers(checkpoint).map(({ name, experts }) => ({
    layer: name,
    experts,
    ...namesIn(name, checkpoint.tensors.has(`${name}.spilled`)),
  }))
  const names = new Set(
    routes.flatMap(({ selected, weights, spilled }) => [selected, weights, ...(spilled === null ? [] : [spilled])]),
  )
  const stray = [...checkpoint.tensors.keys()].find((name) => !names.has(name))
  if (stray !== undefined)
    throw new RouteError(checkpoint.name, `tensor '${stray}' belongs to none of the layers that its metadata lists`)
  const tensors = emptyTable<FileData>()
  for (const name of names) tensors[name] = (await readTensor(checkpoint, name)) as FileData
  return recordOf(routes, tensors)
}
