import { expect, test } from 'vitest'
import { createLruCache } from '../../training/lru-cache.ts'

test('the values asked for last are kept, the others dropped, each once', () => {
  const dropped: string[] = []
  const recent = createLruCache<string>(2, (value) => dropped.push(value))
  const at = (key: string): string => recent.at(key, () => `${key} made ${dropped.length}`)
  expect(at('a')).toBe('a made 0')
  at('b')
  expect(at('a')).toBe('a made 0')
  at('c')
  expect(dropped).toEqual(['b made 0'])
  expect(at('b')).toBe('b made 1')
  expect(dropped).toEqual(['b made 0', 'a made 0'])
  recent.forget('c')
  recent.clear()
  expect(dropped).toEqual(['b made 0', 'a made 0', 'b made 1'])
})

test('what cannot be made takes no room', () => {
  const dropped: number[] = []
  const recent = createLruCache<number>(1, (value) => dropped.push(value))
  recent.at('a', () => 1)
  expect(() =>
    recent.at('b', () => {
      throw new Error('no')
    }),
  ).toThrow('no')
  expect(dropped).toEqual([])
  expect(recent.at('a', () => 2)).toBe(1)
})
