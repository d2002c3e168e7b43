import { isFormat, storageIn } from '../../plan/storage/formats.ts'
import { decodeElements } from '../../plan/storage/host.ts'
import { CheckpointError } from '../errors.ts'
import { elementCount } from '../tensors.ts'
import type { Checkpoint } from './checkpoint.ts'
import { dtypeRecord, type NumberArray } from './dtypes.ts'
import { listed, quoted } from './quote.ts'

/** A whole tensor on the host: f16, bf16 and blocks of a format become f32, the rest stays as it is. Throws a CheckpointError. */
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
  const { dtype, shape } = info
  if (isFormat(dtype)) return { shape, data: decodeElements(storageIn(dtype, shape.at(-1) ?? 1), bytes, elementCount(shape)) }
  return { shape, data: read(bytes.slice().buffer as ArrayBuffer) }
}
