/** Tensors of a GGUF file of the reference writer, beside what its reference decoder makes of them. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fileSource } from '../../../../runtime/checkpoint/files.ts'
import { checkpointOf, openGgufCheckpoint } from '../../../../runtime/checkpoint/gguf/checkpoint.ts'
import { openGguf } from '../../../../runtime/checkpoint/gguf/open.ts'
import { readTensor } from '../../../../runtime/checkpoint/tensor.ts'
import { root } from '../../../support/sources.ts'
import { readSafetensors } from '../../../support/safetensors.ts'

const folder = join(root, 'test/fixtures/gguf')
const expected = readSafetensors(join(folder, 'expected.safetensors'))

test.each(['f32', 'f16', 'bf16', 'q8_0', 'q4_0', 'q4_k', 'q6_k'])('%s is decoded to the same numbers', async (name) => {
  const file = await openGguf(await fileSource(join(folder, 'every-type.gguf')))
  const checkpoint = checkpointOf({ ...file, tensors: new Map([[name, file.tensors.get(name)!]]) })
  const { shape, data } = await readTensor(checkpoint, name)
  await checkpoint.close()
  expect(shape).toEqual(expected[name].shape)
  expect(Float32Array.from(data as Float32Array)).toEqual(Float32Array.from(expected[name].values))
})

test('an encoding that is not read is named', async () => {
  await expect(fileSource(join(folder, 'every-type.gguf')).then(openGgufCheckpoint)).rejects.toThrow(
    /tensor 'q4_1' is encoded as Q4_1, which is not read/,
  )
})
