import { expect, test } from 'vitest'
import { crc32c } from '../../plan/crc32c.ts'

const of = (bytes: Iterable<number>): string => crc32c(Uint8Array.from(bytes)).toString(16)

test('the values of RFC 3720', () => {
  expect(of(new TextEncoder().encode('123456789'))).toBe('e3069283')
  expect(of(new Array<number>(32).fill(0))).toBe('8a9136aa')
  expect(of(new Array<number>(32).fill(255))).toBe('62a8ab43')
  expect(of(Array.from({ length: 32 }, (_, at) => at))).toBe('46dd794e')
  expect(of(Array.from({ length: 32 }, (_, at) => 31 - at))).toBe('113fdb5c')
  expect(of([])).toBe('0')
})

test('goes on where it stopped', () => {
  const bytes = Uint8Array.from({ length: 40 }, (_, at) => at * 7)
  for (const cut of [0, 1, 17, 40]) expect(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut)))).toBe(crc32c(bytes))
})
