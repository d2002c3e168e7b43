import { expect, it } from 'vitest'
import { formatsIn } from '../../../runtime/weights/formats.ts'
import { randomStored, storedCheckpoint } from '../../support/stored-weights.ts'

it('has the tensors of a checkpoint that are not f32', () => {
  const checkpoint = storedCheckpoint({ a: randomStored('bf16', [2, 3], 1), b: randomStored('f16', [4], 2) })
  expect(formatsIn(checkpoint)).toEqual({ a: 'bf16', b: 'f16' })
})
