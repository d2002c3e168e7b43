/** Reads the state of a run from a safetensors file. */
import { upgradeRecipe } from '../../plan/recipe.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import type { FileData } from '../../runtime/checkpoint/encode.ts'
import { readTensor } from '../../runtime/checkpoint/tensor.ts'
import type { RoutedLayer } from '../../runtime/routing/record.ts'
import { ResumeError } from '../errors.ts'
import type { Progress } from '../progress.ts'
import { CHECKPOINT_VERSION, checksum, KEYS, probeName } from './encode.ts'
import type { Saved } from './saved.ts'

export interface Header extends Omit<Saved, 'state' | 'progress'> {
  readonly version: number
  readonly progress: Omit<Progress, 'probe'>
  readonly probe: readonly { readonly name: string; readonly experts: number }[] | null
}

type Tensors = Record<string, FileData>

/** Its weights are read, but the checksum of its model cannot be compared with that of this version, so it cannot be resumed. */
const WEIGHTS_ONLY_VERSION = 1

/**
 * The header of a run's checkpoint. Throws a ResumeError for any other
 * file.
 */
export function headerOf({ name, metadata }: Checkpoint): Header {
  if (!Object.hasOwn(metadata, KEYS.header))
    throw new ResumeError(name, `is not a checkpoint of a training run: its metadata has no '${KEYS.header}'`)
  let header: unknown
  try {
    header = JSON.parse(metadata[KEYS.header])
  } catch {
    throw new ResumeError(name, `is damaged: '${KEYS.header}' in its metadata is not JSON`)
  }
  if (typeof header !== 'object' || header === null)
    throw new ResumeError(name, `is damaged: '${KEYS.header}' in its metadata is not an object`)
  const { version } = header as Header
  if (version !== WEIGHTS_ONLY_VERSION && version !== CHECKPOINT_VERSION)
    throw new ResumeError(
      name,
      `is a checkpoint of version ${String(version)}; versions ${WEIGHTS_ONLY_VERSION} and ${CHECKPOINT_VERSION} are supported`,
    )
  return { ...(header as Header), recipe: upgradeRecipe({ ...(header as Header).recipe }) }
}

async function tensorsOf(checkpoint: Checkpoint): Promise<Tensors> {
  const tensors: Tensors = {}
  for (const tensor of checkpoint.tensors.keys()) {
    const { shape, data } = await readTensor(checkpoint, tensor)
    const isKnown =
      data instanceof Float32Array || data instanceof Float64Array || data instanceof Int32Array || data instanceof Uint32Array
    if (!isKnown) throw new ResumeError(checkpoint.name, `is not a checkpoint of a training run: '${tensor}' has an unknown type`)
    tensors[tensor] = { shape, data }
  }
  return tensors
}

/** Removes the tensors of the probe batch from the others and returns its routing. */
function probeOf({ probe }: Header, tensors: Tensors): Progress['probe'] {
  if (probe === null) return null
  const layers = probe.map(({ name, experts }): RoutedLayer => {
    const [selected, weights] = [tensors[probeName(name, 'selected')], tensors[probeName(name, 'weights')]]
    for (const field of ['selected', 'weights'] as const) delete tensors[probeName(name, field)]
    const [tokens, k] = selected.shape
    return {
      name,
      experts,
      tokens,
      k,
      selected: selected.data as Int32Array,
      weights: weights.data as Float32Array | Float64Array,
    }
  })
  return { layers }
}

/** Reads a state from a file written by `encodeSaved`. Throws a ResumeError for any other file, and for a damaged one. */
export async function decodeSaved(checkpoint: Checkpoint): Promise<Saved> {
  const header = headerOf(checkpoint)
  if (header.version === WEIGHTS_ONLY_VERSION)
    throw new ResumeError(
      checkpoint.name,
      'was saved by an earlier version of smoe and cannot be resumed; its weights can start a new run: smoe train --weights, or `weights` of a training',
    )
  const tensors = await tensorsOf(checkpoint)
  const [recorded, found] = [checkpoint.metadata[KEYS.checksum], checksum(checkpoint.metadata[KEYS.header], tensors)]
  if (recorded !== found)
    throw new ResumeError(
      checkpoint.name,
      `is damaged: the checksum of its contents is ${found}, it records ${recorded ?? 'none'}`,
    )
  const probe = probeOf(header, tensors)
  const { recipe, competitions, data, vocabulary, progress, adapter } = header
  return { recipe, competitions, data, vocabulary, adapter, state: tensors, progress: { ...progress, probe } }
}
