import { upgradeRecipe } from '../../plan/recipe.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import type { FileData } from '../../runtime/checkpoint/encode.ts'
import { readTensor } from '../../runtime/checkpoint/tensor.ts'
import type { RoutedLayer } from '../../runtime/routing/record.ts'
import { ResumeError } from '../errors.ts'
import type { Progress } from '../progress.ts'
import { CHECKPOINT_VERSION, checksum, KEYS, probeName } from './encode.ts'
import type { Saved } from './saved.ts'

export interface Head extends Omit<Saved, 'state' | 'progress'> {
  readonly version: number
  readonly progress: Omit<Progress, 'probe'>
  readonly probe: readonly { readonly name: string; readonly experts: number }[] | null
}

type Tensors = Record<string, FileData>

/** The metadata of a run's checkpoint. Throws a ResumeError for any other file. */
export function headOf({ name, metadata }: Checkpoint): Head {
  if (!Object.hasOwn(metadata, KEYS.head))
    throw new ResumeError(name, `is no checkpoint of a training run: its metadata has no '${KEYS.head}'`)
  let head: unknown
  try {
    head = JSON.parse(metadata[KEYS.head])
  } catch {
    throw new ResumeError(name, `is damaged: '${KEYS.head}' in its metadata is no JSON`)
  }
  if (typeof head !== 'object' || head === null)
    throw new ResumeError(name, `is damaged: '${KEYS.head}' in its metadata is no object`)
  const { version } = head as Head
  if (version !== CHECKPOINT_VERSION)
    throw new ResumeError(name, `is a checkpoint of version ${String(version)}; version ${CHECKPOINT_VERSION} is read`)
  return head as Head
}

async function tensorsOf(checkpoint: Checkpoint): Promise<Tensors> {
  const tensors: Tensors = {}
  for (const tensor of checkpoint.tensors.keys()) {
    const { shape, data } = await readTensor(checkpoint, tensor)
    const isKnown =
      data instanceof Float32Array || data instanceof Float64Array || data instanceof Int32Array || data instanceof Uint32Array
    if (!isKnown)
      throw new ResumeError(checkpoint.name, `is no checkpoint of a training run: '${tensor}' is of a type that none has`)
    tensors[tensor] = { shape, data }
  }
  return tensors
}

/** Takes the probe's tensors out of the others. */
function probeOf({ probe }: Head, tensors: Tensors): Progress['probe'] {
  if (probe === null) return null
  const layers = probe.map(({ name, experts }): RoutedLayer => {
    const [selected, weights] = [tensors[probeName(name, 'selected')], tensors[probeName(name, 'weights')]]
    for (const part of ['selected', 'weights'] as const) delete tensors[probeName(name, part)]
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

/** A state from a file that `encodeSaved` was written to. Throws a ResumeError for any other, or one that is damaged. */
export async function decodeSaved(checkpoint: Checkpoint): Promise<Saved> {
  const head = headOf(checkpoint)
  const tensors = await tensorsOf(checkpoint)
  const [told, found] = [checkpoint.metadata[KEYS.checksum], checksum(checkpoint.metadata[KEYS.head], tensors)]
  if (told !== found)
    throw new ResumeError(checkpoint.name, `is damaged: the checksum of what it holds is ${found}, it says ${told ?? 'none'}`)
  const probe = probeOf(head, tensors)
  const { recipe, schedule, data, vocabulary, progress, adapter } = head
  // a state that tells no precision is f32
  const precision = recipe.precision ?? 'f32'
  const state = tensors
  return {
    recipe: { ...upgradeRecipe({ ...recipe }), precision },
    schedule,
    data,
    vocabulary,
    adapter,
    state,
    progress: { ...progress, scaling: progress.scaling ?? null, probe },
  }
}
