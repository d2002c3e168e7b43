/** A safetensors file made of stretches of another checkpoint, in the types they have there. */
import type { Checkpoint, TensorInfo } from './checkpoint.ts'
import { headerBytes } from './encode.ts'

/** Bytes `offset` to `offset + length` of a tensor. */
export interface ByteRange {
  readonly tensor: string
  readonly offset: number
  readonly length: number
}

export interface CopiedTensor extends TensorInfo {
  /** One after the other they are the tensor's bytes. */
  readonly from: readonly ByteRange[]
}

/** Bytes read at a time. */
const CHUNK_BYTES = 8 * 2 ** 20

/**
 * The file in pieces, for a writer; one chunk is in memory at a time. Throws a CheckpointError if the checkpoint cannot be read.
 */
export async function* copiedPieces(checkpoint: Checkpoint, tensors: readonly CopiedTensor[]): AsyncGenerator<Uint8Array> {
  yield headerBytes(tensors, checkpoint.metadata)
  for (const { tensor, offset, length } of tensors.flatMap(({ from }) => from)) {
    for (let done = 0; done < length; done += CHUNK_BYTES)
      yield await checkpoint.read(tensor, offset + done, Math.min(CHUNK_BYTES, length - done))
  }
}
