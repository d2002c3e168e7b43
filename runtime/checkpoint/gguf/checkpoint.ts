/** The tensors of a GGUF file as those of any checkpoint. */
import { CheckpointError } from '../../errors.ts'
import type { Checkpoint, TensorInfo } from '../checkpoint.ts'
import { quoted } from '../quote.ts'
import type { ByteSource } from '../source.ts'
import { joinLatent } from './latent.ts'
import { openGguf, type GgufFile, type GgufTensor } from './open.ts'

/** Throws a CheckpointError for an encoding that is not read. */
export function tensorInfo({ name, type, shape, bytes }: GgufTensor, file: string): TensorInfo {
  if (type.dtype === null) throw new CheckpointError(file, `tensor ${quoted(name)} is encoded as ${type.name}, which is not read`)
  return { name, dtype: type.dtype, shape, bytes }
}

/** Texts of the metadata; what is a number or a list stands in the file's `values` alone. */
const textsOf = ({ values }: GgufFile): Readonly<Record<string, string>> =>
  Object.fromEntries([...values].filter((entry): entry is [string, string] => typeof entry[1] === 'string'))

/** A view of the file, which it closes. Throws a CheckpointError. */
export function checkpointOf(file: GgufFile): Checkpoint {
  const tensors = new Map([...file.tensors].map(([name, tensor]) => [name, tensorInfo(tensor, file.name)]))
  const read = async (name: string, offset: number, length: number): Promise<Uint8Array> => {
    const tensor = file.tensors.get(name)
    if (tensor === undefined) throw new CheckpointError(file.name, `has no tensor ${quoted(name)}`)
    if (offset < 0 || length < 0 || offset + length > tensor.bytes)
      throw new CheckpointError(file.name, `tensor ${quoted(name)} has ${tensor.bytes} bytes, not ${length} at ${offset}`)
    return file.source.read(tensor.begin + offset, length)
  }
  return joinLatent({ name: file.name, tensors, metadata: textsOf(file), hasUnitAxes: false, read, close: file.source.close })
}

/** A GGUF file as a checkpoint, which closes its source; one that is refused is closed at once. Throws a CheckpointError. */
export async function openGgufCheckpoint(source: ByteSource): Promise<Checkpoint> {
  const file = await openGguf(source)
  try {
    return checkpointOf(file)
  } catch (error) {
    await source.close()
    throw error
  }
}
