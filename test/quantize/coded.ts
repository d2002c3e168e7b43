/** Numbers encoded, and read back as smoe reads the files of others. */
import type { Coded, Encoder } from '../../cli/quantize/codes/encoder.ts'
import type { Checkpoint, TensorInfo } from '../../runtime/checkpoint/checkpoint.ts'
import { joinCodes } from '../../runtime/checkpoint/codes/join.ts'
import { readElements } from '../../runtime/weights/convert.ts'
import { elementCount } from '../../runtime/tensors.ts'

export interface ReadBack extends Coded {
  readonly shape: readonly number[]
  /** What the codes mean. */
  readonly values: Float32Array
  readonly files: readonly TensorInfo[]
}

const NAME = 'layers.0.weight'

/** Throws where sizes are not those of the bytes, or the codes are not read. */
export async function readBack(encoder: Encoder, shape: readonly number[], numbers: Float32Array): Promise<ReadBack> {
  const coded = encoder.encode({ shape, values: numbers })
  const files = encoder.files(NAME, shape)
  const bytes = new Map(files.map(({ info, fixed }, at) => [info.name, fixed ?? coded.bytes[at]]))
  for (const { info } of files)
    if (bytes.get(info.name)!.length !== info.bytes)
      throw new Error(`${info.name} has ${bytes.get(info.name)!.length} bytes, not ${info.bytes}`)
  const apart: Checkpoint = {
    name: 'memory',
    tensors: new Map(files.map(({ info }) => [info.name, info])),
    metadata: {},
    read: async (tensor, offset, length) => bytes.get(tensor)!.subarray(offset, offset + length),
    close: async () => {},
  }
  const joined = await joinCodes(apart)
  const tensor = joined.tensors.get(NAME)!
  const values = Float32Array.from((await readElements(joined, tensor, 0, elementCount(shape))) as Float32Array)
  return { ...coded, shape: tensor.shape, values, files: files.map(({ info }) => info) }
}
