/** The checkpoints of the fixtures, and any others in the same layout. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { importModel } from '../../cli/import/import.ts'
import type { HostTensor } from '../../compiler/reference/tensor.ts'
import type { Source } from '../../grammar/source.ts'
import { readSafetensors } from './safetensors.ts'
import { root } from './sources.ts'

export interface Checkpoint {
  readonly name: string
  /** What `smoe import` makes of it. */
  readonly spec: Source
  readonly tensors: Readonly<Record<string, HostTensor>>
  readonly reference: Readonly<Record<string, HostTensor>>
}

/** `SMOE_CHECKPOINTS` names a folder of further checkpoints. */
const folders = [
  join(root, 'test/fixtures/checkpoints'),
  ...(process.env.SMOE_CHECKPOINTS === undefined ? [] : [process.env.SMOE_CHECKPOINTS]),
]

export const checkpointFolders: readonly string[] = folders.flatMap((folder) =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name)),
)

export function openCheckpoint(folder: string): Checkpoint {
  const imported = importModel(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')))
  if (imported.kind !== 'spec') throw new Error(`${folder}: ${imported.message}`)
  return {
    name: imported.name,
    spec: { path: `${imported.name}.smoe`, text: imported.spec },
    tensors: readSafetensors(join(folder, 'model.safetensors')),
    reference: readSafetensors(join(folder, 'reference.safetensors')),
  }
}
