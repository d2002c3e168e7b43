import { expect, test } from 'vitest'
import { isNamed, learnsWeight } from '../../../compiler/model/train/learns.ts'

const GATE = 'layers.0.moe.router.gate'

test.each([
  ['router', GATE, true],
  ['gate', GATE, true],
  ['route', GATE, false],
  ['0', GATE, true],
  ['moe.router', GATE, false],
])('a label, %s, is one part of the path', (label, path, found) => {
  expect(isNamed({ kind: 'label', label }, path)).toBe(found)
})

test('a pattern matches the whole path', () => {
  expect(isNamed({ kind: 'pattern', pattern: '*.router.*' }, GATE)).toBe(true)
  expect(isNamed({ kind: 'pattern', pattern: 'router' }, GATE)).toBe(false)
})

test('all weights learn unless some are named', () => {
  expect(learnsWeight({ learns: null }, GATE)).toBe(true)
  expect(learnsWeight({ learns: [{ named: { kind: 'label', label: 'experts' }, lora: null }] }, GATE)).toBe(false)
  expect(
    learnsWeight(
      {
        learns: [
          { named: { kind: 'label', label: 'experts' }, lora: null },
          { named: { kind: 'pattern', pattern: '*gate' }, lora: null },
        ],
      },
      GATE,
    ),
  ).toBe(true)
})

test('a weight beside which a pair stands is frozen', () => {
  const lora = { kind: 'lora', settings: {} }
  expect(learnsWeight({ learns: [{ named: { kind: 'label', label: 'router' }, lora }] }, GATE)).toBe(false)
})
