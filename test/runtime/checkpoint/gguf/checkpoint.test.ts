/** Tensors of a GGUF file of the reference writer, beside what its reference decoder makes of them. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fileSource } from '../../../../runtime/checkpoint/files.ts'
import { checkpointOf, openGgufCheckpoint } from '../../../../runtime/checkpoint/gguf/checkpoint.ts'
import { openGguf } from '../../../../runtime/checkpoint/gguf/open.ts'
import { bytesSource } from '../../../../runtime/checkpoint/source.ts'
import { readTensor } from '../../../../runtime/checkpoint/tensor.ts'
import { root } from '../../../support/sources.ts'
import { ggufBytes } from '../../../support/gguf.ts'
import { readSafetensors } from '../../../support/safetensors.ts'

const folder = join(root, 'test/fixtures/gguf')
const expected = readSafetensors(join(folder, 'expected.safetensors'))

test.each(Object.keys(expected))('%s is decoded to the same numbers', async (name) => {
  const file = await openGguf(await fileSource(join(folder, 'every-type.gguf')))
  const checkpoint = checkpointOf({ ...file, tensors: new Map([[name, file.tensors.get(name)!]]) })
  const { shape, data } = await readTensor(checkpoint, name)
  await checkpoint.close()
  expect(shape).toEqual(expected[name].shape)
  // the reference decoder has no negative zero of MXFP4
  const unsigned = (values: Iterable<number>): Float32Array => Float32Array.from(values, (value) => value + 0)
  expect(unsigned(data as Float32Array)).toEqual(unsigned(expected[name].values))
})

/** Number of the type in the file, its name, elements and bytes of a block. */
const UNREAD: readonly (readonly [type: number, name: string, elements: number, bytes: number])[] = [
  [16, 'IQ2_XXS', 256, 66],
  [17, 'IQ2_XS', 256, 74],
  [18, 'IQ3_XXS', 256, 98],
  [19, 'IQ1_S', 256, 50],
  [21, 'IQ3_S', 256, 110],
  [22, 'IQ2_S', 256, 82],
  [29, 'IQ1_M', 256, 56],
  [34, 'TQ1_0', 256, 54],
  [35, 'TQ2_0', 256, 66],
  [40, 'NVFP4', 64, 36],
  [41, 'Q1_0', 128, 18],
]

test.each(UNREAD)('type %i is refused as %s', async (type, name, elements, bytes) => {
  const file = ggufBytes({ tensors: [{ name: 'w', sizes: [elements], type, offset: 0 }], data: Math.ceil(bytes / 32) * 32 })
  await expect(openGgufCheckpoint(bytesSource(file, 'w.gguf'))).rejects.toThrow(
    `tensor 'w' is encoded as ${name}, which is not read`,
  )
})
