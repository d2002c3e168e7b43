/** A folder in the layout of the hub: config, weights, and the files that go with a model. */
import { isFormat } from '../../plan/storage/formats.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import { CheckpointError } from '../../runtime/errors.ts'
import type { DTypeName, ElementType } from '../../runtime/checkpoint/dtypes.ts'
import { editJson } from '../../runtime/checkpoint/json.ts'
import { textPieces } from '../../runtime/files/index.ts'
import { EXIT, Failure } from '../exit.ts'
import { CONFIG } from '../import/from.ts'
import type { Terminal } from '../terminal.ts'
import { besideFiles } from './beside.ts'
import { withDtype, withoutCodes, type ChangedConfig, type ConfigChange } from './config.ts'
import type { Given } from './given.ts'
import { saidBy } from './given.ts'
import { AS_IT_IS, type Arrangement } from './gather.ts'
import { refusalOf, type Lowered } from './refusal.ts'
import { weightFiles, type NamedFile } from './shards.ts'
import { exportedTensors, type CodedBy, type Exported, type ExportedTensor, type WeightsAs } from './tensors.ts'

export interface HubFolder {
  readonly files: readonly NamedFile[]
  readonly tensors: readonly ExportedTensor[]
  readonly isVerbatim: boolean
  /** How the config differs from the one that was read. */
  readonly changes: readonly ConfigChange[]
  /** Files that are copied as they are. */
  readonly beside: readonly string[]
  /** Tensors that have no place in the export. */
  readonly leftOut: readonly string[]
}

/** Bytes by dtype, the most first. */
export function bytesByType(tensors: readonly ExportedTensor[]): readonly (readonly [ElementType, number])[] {
  const sums = new Map<ElementType, number>()
  for (const { dtype, bytes } of tensors) sums.set(dtype, (sums.get(dtype) ?? 0) + bytes)
  return [...sums].sort(([, a], [, b]) => b - a)
}

/** The file as it was where nothing changed. */
function configFile(text: string, { changes }: ChangedConfig): NamedFile {
  const made = changes.length === 0 ? text : `${editJson(text, changes)}\n`
  return { name: CONFIG, pieces: textPieces(made), bytes: Buffer.byteLength(made) }
}

export interface FolderOptions {
  readonly as: WeightsAs
  /** Bytes of tensors in a file. */
  readonly shard: number
  /** Absent where every tensor is stored as numbers. */
  readonly codedBy?: CodedBy
}

/** Which entries of weights are left, by the models before and after; null where nothing is cut. */
export type Cut = ((from: Lowered, to: Lowered) => Arrangement['kept']) | null

/** The config that tells what the tensors are, once they are known. */
function withTypes({ isVerbatim, tensors }: Exported, changed: ChangedConfig, type: string): ChangedConfig {
  return isVerbatim || tensors.length === 0 ? changed : withDtype(changed, type, bytesByType(tensors)[0][0] as DTypeName)
}

/**
 * What is to be written; tensors are read while it is. Throws a Failure for what the layout cannot hold, and a WeightError for
 * weights that the checkpoint does not have.
 */
export function hubFolder(
  given: Given,
  checkpoint: Checkpoint,
  { as, shard, codedBy }: FolderOptions,
  terminal: Terminal,
  cut: Cut = null,
): HubFolder {
  const { type, model, folder, hasHubNames, interleaved } = given
  const changed = as === 'shipped' ? given.changed : withoutCodes(given.changed, type)
  const said = saidBy('the config of the export', changed, terminal)
  // what is cut is another model
  const reason = cut === null ? refusalOf(model, said, { type, fields: said.imported.fields }) : null
  if (reason !== null) throw new Failure(EXIT.usage, reason, 'nothing was written')
  const carries = (tensor: string): boolean => {
    const found = checkpoint.tensors.get(tensor)
    // codes that no weight reads have no place beside those of the export
    return hasHubNames && found !== undefined && !isFormat(found.dtype)
  }
  const arrangement = { interleaved, kept: cut?.(model, said) ?? AS_IT_IS.kept }
  const exported = exportedTensors({ from: model.ports, to: said.ports, as, checkpoint, arrangement, carries, codedBy })
  if (exported.tensors.length === 0) throw new CheckpointError(checkpoint.name, 'has no tensors')
  const final = withTypes(exported, changed, type)
  const others = folder === null ? [] : besideFiles(terminal.path(folder))
  return {
    files: [configFile(given.text, final), ...others, ...weightFiles(exported.tensors, shard)],
    tensors: exported.tensors,
    isVerbatim: exported.isVerbatim,
    changes: final.changes,
    beside: others.map(({ name }) => name),
    leftOut: exported.leftOut,
  }
}
