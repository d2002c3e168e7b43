import { expect, test } from 'vitest'
import { tarEntries } from '../../../runtime/dawn/tar.ts'

function entry(name: string, data: Uint8Array, kind = '0'): Uint8Array {
  const block = new Uint8Array(512 + Math.ceil(data.length / 512) * 512)
  const put = (text: string, at: number): void => block.set(new TextEncoder().encode(text), at)
  put(name, 0)
  put(data.length.toString(8).padStart(11, '0'), 124)
  put(kind, 156)
  const sum = block.subarray(0, 512).reduce((all, byte) => all + byte, 8 * 32)
  put(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  block.set(data, 512)
  return block
}

const archive = (...entries: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from([...entries, new Uint8Array(1024)].flatMap((part) => [...part]))

test('regular files are found, directories passed over', () => {
  const files = [
    ...tarEntries(archive(entry('d/', new Uint8Array(0), '5'), entry('a', Uint8Array.of(1, 2)), entry('b', new Uint8Array(600)))),
  ]
  expect(files.map(({ name, data }) => [name, data.length])).toEqual([
    ['a', 2],
    ['b', 600],
  ])
  expect([...files[0].data]).toEqual([1, 2])
})

test('a damaged or short archive is refused', () => {
  const whole = archive(entry('a', new Uint8Array(600)))
  expect(() => [...tarEntries(whole.subarray(0, 1024))]).toThrow('cut short')
  whole[0] ^= 1
  expect(() => [...tarEntries(whole)]).toThrow('damaged')
})
