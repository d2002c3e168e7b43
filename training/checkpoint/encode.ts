/** A run's state as a safetensors file: tensors by their names, and the rest as JSON in the metadata. */
import { tensorBytes, type FileData } from '../../runtime/checkpoint/encode.ts'
import { crc32c } from '../../plan/crc32c.ts'
import type { Saved } from './saved.ts'

export const CHECKPOINT_VERSION = 1

/** Keys of the metadata. */
export const KEYS = { head: 'smoe.training', checksum: 'smoe.checksum' } as const

type Tensors = Readonly<Record<string, FileData>>

/** A colon stands in no weight's path. */
export const probeName = (layer: string, part: 'selected' | 'weights'): string => `probe:${layer}.${part}`

function probeTensors({ progress: { probe } }: Saved): Tensors {
  return Object.fromEntries(
    (probe?.layers ?? []).flatMap(({ name, tokens, k, selected, weights }): [string, FileData][] => [
      [probeName(name, 'selected'), { shape: [tokens, k], data: selected }],
      [probeName(name, 'weights'), { shape: [tokens, k], data: weights }],
    ]),
  )
}

/** CRC-32C of the head and of the tensors in the order of their names. */
export function checksum(head: string, tensors: Tensors): string {
  const names = Object.keys(tensors).sort()
  return names
    .reduce((sum, name) => crc32c(tensorBytes(tensors[name]), sum), crc32c(new TextEncoder().encode(head)))
    .toString(16)
    .padStart(8, '0')
}

export function encodeSaved(saved: Saved): { readonly tensors: Tensors; readonly metadata: Readonly<Record<string, string>> } {
  const {
    recipe,
    progress: { probe, ...progress },
    schedule,
    data,
    vocabulary,
    adapter,
  } = saved
  const tensors = { ...saved.state, ...probeTensors(saved) }
  const layers = probe?.layers.map(({ name, experts }) => ({ name, experts })) ?? null
  const head = JSON.stringify({
    version: CHECKPOINT_VERSION,
    recipe,
    progress,
    probe: layers,
    schedule,
    data,
    vocabulary,
    adapter,
  })
  return { tensors, metadata: { [KEYS.head]: head, [KEYS.checksum]: checksum(head, tensors) } }
}
