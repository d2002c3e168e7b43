import { expect, test } from 'vitest'
import { criterionOf, NAMED, scoresOf, type Seen } from '../../cli/prune/criteria.ts'
import { addLayer } from '../../cli/prune/measure.ts'

const powersOf = (text: string): unknown => {
  const found = criterionOf(text)
  return found.kind === 'measured' ? found.powers : found.kind
}

test('a criterion is a name, or a product of powers with each factor once', () => {
  expect(powersOf('aimer')).toBe('aimer')
  expect(powersOf('reap')).toEqual({ frequency: 0, gate: 1, activation: 1, change: 0 })
  expect(powersOf('frequency^0.5 gate * activation^-2 change')).toEqual({ frequency: 0.5, gate: 1, activation: -2, change: 1 })
  for (const wrong of ['', 'size', 'gate gate', 'gate^', 'gate^x', 'gate+activation'])
    expect(() => criterionOf(wrong), wrong).toThrow('is not a criterion')
})

/** Expert 0 has two tokens, expert 2 one; expert 1 none, and an assignment is dropped. */
function seen(name: string): readonly number[] {
  const made: Seen = { count: new Float64Array(3), sum: new Float64Array(3) }
  const layer = { selected: Int32Array.of(0, 2, 0, -1), weights: Float32Array.of(0.5, 0.5, 0.25, 0), k: 2 }
  addLayer(made, layer, { norms: [4, 8, 2, NaN], change: [0.25, 0.5] }, NAMED[name].powers)
  return [...scoresOf(made, NAMED[name].powers)]
}

test('a score is what the paper says, and 0 for an expert without tokens', () => {
  expect(seen('frequency')).toEqual([2, 0, 1])
  expect(seen('mass')).toEqual([0.75, 0, 0.5])
  expect(seen('ean')).toEqual([6, 0, 8])
  expect(seen('reap')).toEqual([(0.5 * 4 + 0.25 * 2) / 2, 0, 4])
  expect(seen('man')).toEqual([3, 0, 8])
  expect(seen('msan')).toEqual([10, 0, 64])
  expect(seen('easy-ep')).toEqual([0.5 * 4 * 0.25 + 0.25 * 2 * 0.5, 0, 0.5 * 8 * 0.25])
})
