import { CheckpointError } from '../errors.ts'
import type { Checkpoint } from './checkpoint.ts'
import { dtypeRecord, type NumberArray } from './dtypes.ts'
import { listed, quoted } from './quote.ts'

/** A whole tensor on the host: f16 and bf16 become f32, the rest stays as it is. Throws a CheckpointError. */
export async function readTensor(
  checkpoint: Checkpoint,
  name: string,
): Promise<{ readonly shape: readonly number[]; readonly data: NumberArray }> {
  const info = checkpoint.tensors.get(name)
  if (info === undefined)
    throw new CheckpointError(
      checkpoint.name,
      `has no tensor ${quoted(name)}; it has ${listed([...checkpoint.tensors.keys()]) || 'none'}`,
    )
  const read = dtypeRecord(info.dtype).read
  if (read === null) throw new CheckpointError(checkpoint.name, `tensor ${quoted(name)} is ${info.dtype}, which is not supported`)
  const bytes = await checkpoint.read(name, 0, info.bytes)
  return { shape: info.shape, data: read(bytes.slice().buffer as ArrayBuffer) }
}
