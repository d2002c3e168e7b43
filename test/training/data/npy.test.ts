import { expect, test } from 'vitest'
import { encodeNpy, parseNpy } from '../../../training/data/npy.ts'

test.each([[[6]], [[2, 3]], [[1, 2, 3]], [[0, 4]]])('what is written of shape %j is read', (shape) => {
  const data = Int16Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, at) => at * 1000 - 2500)
  const bytes = encodeNpy(shape, data)
  expect(parseNpy(bytes, 'a.npy')).toMatchObject({ shape })
  expect(Array.from(parseNpy(bytes, 'a.npy').data, Number)).toEqual([...data])
  // the data begins at a multiple of 64
  expect((bytes.length - 2 * data.length) % 64).toBe(0)
})

test('data that does not fill the shape is refused', () => {
  expect(() => encodeNpy([2, 2], new Int16Array(3))).toThrow('3 values do not fill [2, 2]')
})
