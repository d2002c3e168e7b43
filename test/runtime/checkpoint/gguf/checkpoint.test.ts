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

test('an encoding that is not read is named', async () => {
  const bytes = ggufBytes({ tensors: [{ name: 'w', sizes: [256], type: 16, offset: 0 }], data: 96 })
  await expect(openGgufCheckpoint(bytesSource(bytes, 'w.gguf'))).rejects.toThrow(
    /tensor 'w' is encoded as IQ2_XXS, which is not read/,
  )
})
