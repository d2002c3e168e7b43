/** The state of a run as a safetensors file: tensors by name, and the rest as JSON in the metadata. */
import { tensorBytes, type FileData } from '../../runtime/checkpoint/encode.ts'
import { crc32c } from '../../plan/crc32c.ts'
import type { Saved } from './saved.ts'

/** Version 1 had other names for fields of the recipe and the progress. */
export const CHECKPOINT_VERSION = 2

/** Keys of the metadata. */
export const KEYS = { header: 'smoe.training', checksum: 'smoe.checksum' } as const

type Tensors = Readonly<Record<string, FileData>>

/** Paths of weights have no colon. */
export const probeName = (layer: string, field: 'selected' | 'weights'): string => `probe:${layer}.${field}`

function probeTensors({ progress: { probe } }: Saved): Tensors {
  return Object.fromEntries(
    (probe?.layers ?? []).flatMap(({ name, tokens, k, selected, weights }): [string, FileData][] => [
      [probeName(name, 'selected'), { shape: [tokens, k], data: selected }],
      [probeName(name, 'weights'), { shape: [tokens, k], data: weights }],
    ]),
  )
}

/** CRC-32C of the header and of the tensors, sorted by name. */
export function checksum(header: string, tensors: Tensors): string {
  const names = Object.keys(tensors).sort()
  return names
    .reduce((sum, name) => crc32c(tensorBytes(tensors[name]), sum), crc32c(new TextEncoder().encode(header)))
    .toString(16)
    .padStart(8, '0')
}

/** The tensors and the metadata of a state. */
export function encodeSaved(saved: Saved): { readonly tensors: Tensors; readonly metadata: Readonly<Record<string, string>> } {
  const {
    recipe,
    progress: { probe, ...progress },
    competitions,
    data,
    vocabulary,
    adapter,
  } = saved
  const tensors = { ...saved.state, ...probeTensors(saved) }
  const layers = probe?.layers.map(({ name, experts }) => ({ name, experts })) ?? null
  const header = JSON.stringify({
    version: CHECKPOINT_VERSION,
    recipe,
    progress,
    probe: layers,
    competitions,
    data,
    vocabulary,
    adapter,
  })
  return { tensors, metadata: { [KEYS.header]: header, [KEYS.checksum]: checksum(header, tensors) } }
}
