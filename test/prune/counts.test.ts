import { expect, test } from 'vitest'
import { keptCounts, readPerLayer } from '../../cli/prune/counts.ts'
import type { ExpertLayer } from '../../cli/prune/layers.ts'
import { processTerminal } from '../../cli/terminal.ts'
import { place } from '../cli/harness.ts'

const layers: readonly ExpertLayer[] = [8, 8, 4].map((experts, at) => ({ path: `layers.${at}.moe`, experts, groups: 1, own: [] }))

const counts = (keep: string | undefined, own: Readonly<Record<string, string>>): readonly number[] =>
  keptCounts(layers, { keep, perLayer: new Map(Object.entries(own)) })

test('a layer keeps its own number, else that of all, else its experts', () => {
  expect(counts('50%', { 'layers.1.moe': '7', 'layers.2.moe': '4' })).toEqual([4, 7, 4])
  expect(counts(undefined, { 'layers.1.moe': '75%' })).toEqual([8, 6, 4])
  expect(keptCounts(layers, { keep: '3' })).toEqual([3, 3, 3])
})

test('numbers that do not go are refused', () => {
  expect(() => counts(undefined, { 'layers.3.moe': '2' })).toThrow("there is no routed layer 'layers.3.moe'")
  expect(() => counts(undefined, { 'layers.0.moe': '9' })).toThrow("'9' is more than the 8 experts of a layer")
  expect(() => counts(undefined, { 'layers.0.moe': '8' })).toThrow('none would go')
  expect(() => counts('4', {})).toThrow('--keep 4 keeps 4 of 4 experts')
  expect(() => counts(undefined, { 'layers.0.moe': '0' })).toThrow("'0' is not a number of experts")
})

test('a file has numbers by layer', () => {
  const { folder } = place({
    'a.json': '{"layers.0.moe": 6, "layers.1.moe": "75%"}',
    'b.json': '[1]',
    'c.json': '{"a": [2]}',
    'd.json': '{',
  })
  const read = (name: string): unknown => [...readPerLayer(`${folder}/${name}`, processTerminal())]
  expect(read('a.json')).toEqual([
    ['layers.0.moe', '6'],
    ['layers.1.moe', '75%'],
  ])
  expect(() => read('b.json')).toThrow('has no numbers by layer')
  expect(() => read('c.json')).toThrow("has no number for 'a'")
  expect(() => read('d.json')).toThrow('is not JSON')
})
