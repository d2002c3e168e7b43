import { describe, expect, test } from 'vitest'
import { balanceWords } from '../../../cli/routing/balance.ts'
import { barOf, gridFor, loadLine } from '../../../cli/routing/cells.ts'
import { drawComparison, drawLayer, drawReport } from '../../../cli/routing/draw.ts'
import { labelsOf } from '../../../cli/routing/names.ts'
import { compareReports } from '../../../runtime/routing/difference.ts'
import { balance } from '../../../runtime/routing/balance.ts'
import { reportRoutes } from '../../../runtime/routing/report.ts'
import { layerOf } from '../../runtime/routing/layers.ts'
import { madeUp } from './reports.ts'

const sheet = { columns: 80, hasColor: false }
const facts = { model: 'tiny', adapter: 'no adapter', dims: { T: 4 } }
const one = reportRoutes(
  {
    layers: [
      {
        ...layerOf(4, [
          [0, 1],
          [0, 1],
          [0, -1],
          [0, 3],
        ]),
        name: 'moe',
      },
    ],
  },
  facts,
)

test('a report', () => {
  expect(drawReport(one, sheet)).toBe(
    [
      'tiny: 4 tokens, each to 2 of 4 experts; T = 4; on no adapter',
      '',
      'layer  load            CV  MaxVio  entropy  dead     effective  dropped',
      'moe    ▆▆ ▄▄  × ▂▂   0.85    1.29     0.69     1  2.60 unknown        1',
      '',
      '▁ a quarter, ▄ an even share, ▇ three times as much, × no token',
      'effective: evenly busy experts of the same entropy; random choices give 3.28',
      '',
    ].join('\n'),
  )
})

test('one layer, an expert a line', () => {
  expect(drawLayer(one.layers[0], { columns: 60, hasColor: false })).toBe(
    [
      'moe: 7 slots of 4 tokens, 1 dead',
      'nothing can be said of the load (too few tokens, or no choice): the entropy is that of 2.6 evenly busy experts of 4, of 3.28 where choices are random; the busiest 2 take 86% of the slots; 1 of 4 experts dead',
      '',
      'expert 0  ██████████████████  4   57.1 %  2.29 x even',
      'expert 1  █████████           2   28.6 %  1.14 x even',
      'expert 2                      0  dead',
      'expert 3  █████               1   14.3 %  0.57 x even',
      '',
    ].join('\n'),
  )
})

test('two reports, two lines a layer', () => {
  const other = reportRoutes(
    {
      layers: [
        {
          ...layerOf(4, [
            [0, 1],
            [2, 3],
            [0, 1],
            [2, 3],
          ]),
          name: 'moe',
        },
      ],
    },
    facts,
  )
  const text = drawComparison([one, other], ['a.json', 'b.json'], compareReports(one, other, 'b.json'), {
    columns: 100,
    hasColor: false,
  })
  expect(text).toContain('A a.json: tiny: 4 tokens')
  expect(text).toMatch(/\nlayer {2}load .* dropped {2}moved {2}CV B-A {2}MaxVio B-A\n/)
  expect(text).toMatch(/\nmoe A {2}▆▆ ▄▄ {2}× ▂▂ +0\.85 +1\.29 +0\.69 +1 +2\.60 unknown +1\n/)
  expect(text).toMatch(/\n {4}B {2}▄▄ ▄▄ ▄▄ ▄▄ +0\.00 +0\.00 +1\.00 +0 +4\.00 unknown +0 +0\.36 +-0\.85 +-1\.29\n/)
})

describe('a balance that is required', () => {
  const layers = [
    {
      ...layerOf(4, [
        [0, 1],
        [0, 1],
        [0, 2],
        [0, 3],
      ]),
      name: 'a/moe',
    },
    {
      ...layerOf(4, [
        [0, 1],
        [2, 3],
        [0, 1],
        [2, 3],
      ]),
      name: 'b/moe',
    },
    { ...layerOf(4, [[0, 1]]), name: 'c/moe' },
  ]
  const required = reportRoutes({ layers }, { ...facts, within: { 'a/moe': 12.5, 'b/moe': 5 }, replayed: 'routes.safetensors' })

  test('stands beside each layer, and in words where it is missed', () => {
    expect(drawReport(required, { columns: 100, hasColor: false })).toBe(
      [
        'tiny: 3 routed layers; T = 4; on no adapter; routes replayed from routes.safetensors',
        '',
        'layer  load            CV  MaxVio  entropy  dead     effective       balance',
        'a/moe  ▆▆ ▄▄ ▂▂ ▂▂   0.61    1.00     0.88     0  3.36 unknown  12.5%: 3 out',
        'b/moe  ▄▄ ▄▄ ▄▄ ▄▄   0.00    0.00     1.00     0  4.00 unknown      5%: kept',
        'c/moe  ▆▆ ▆▆  ×  ×   1.00    1.00     0.50     2  2.00 unknown             -',
        '',
        '▁ a quarter, ▄ an even share, ▇ three times as much, × no token',
        'effective: evenly busy experts of the same entropy; random choices give 2.00 to 3.44',
        'a/moe: NOT balanced within 12.5%: 3 of 4 experts outside of 1.75 to 2.25 slots, 2 in the mean; expert 0 is farthest, 4 slots, 100% off',
        '',
      ].join('\n'),
    )
  })

  test('is told of one layer, expert by expert', () => {
    expect(drawLayer(required.layers[0], { columns: 60, hasColor: false })).toBe(
      [
        'a/moe: 8 slots of 4 tokens',
        'NOT balanced within 12.5%: 3 of 4 experts outside of 1.75 to 2.25 slots, 2 in the mean; expert 0 is farthest, 4 slots, 100% off',
        'nothing can be said of the load (too few tokens, or no choice): the entropy is that of 3.36 evenly busy experts of 4, of 3.44 where choices are random; the busiest 2 take 75% of the slots',
        '',
        'expert 0  ██████████████████  4   50.0 %  2.00 x even  out of balance',
        'expert 1  █████████           2   25.0 %  1.00 x even',
        'expert 2  █████               1   12.5 %  0.50 x even  out of balance',
        'expert 3  █████               1   12.5 %  0.50 x even  out of balance',
        '',
      ].join('\n'),
    )
    expect(drawLayer(required.layers[1], sheet)).toContain('balanced within 5%: 2 slots an expert in the mean, all alike\n')
  })
})

test('the words of a balance', () => {
  const words = (within: number, ...counts: readonly number[]): string =>
    balanceWords(balance({ counts, kept: counts.reduce((sum, count) => sum + count, 0), dropped: 0 }, within), counts.length)
  expect(words(5, 100, 104, 96)).toBe(
    'balanced within 5%: 100 slots an expert in the mean, expert 1 is farthest, 104 slots, 4% off',
  )
  expect(words(5, 3, 2, 3, 2)).toBe(
    'NOT balanced within 5%: 4 of 4 experts outside of 2.38 to 2.63 slots, 2.5 in the mean; expert 0 is farthest, 3 slots, 20% off; loads are whole numbers, 20% off at least with so few slots',
  )
  expect(words(150, 4, 0)).toBe('balanced within 150%: 2 slots an expert in the mean, expert 0 is farthest, 4 slots, 100% off')
  expect(words(5, 0, 0)).toBe('balanced within 5%: no token is assigned to an expert')
})

describe('many experts', () => {
  const { report } = madeUp({ layers: 3, experts: 256, tokens: 400, k: 8 }, 1)

  test('share a character, and no line is longer than the terminal', () => {
    const text = drawReport(report, { columns: 100, hasColor: false })
    expect(
      Math.max(
        ...text
          .split('\n')
          .slice(2)
          .map((line) => line.length),
      ),
    ).toBeLessThanOrEqual(100)
    expect(text).toMatch(/; the busiest of 8 experts a column\n/)
  })

  test('have a character each where there is room', () => {
    expect(gridFor(256, 300)).toEqual({ each: 1, width: 1 })
    expect(loadLine(report.layers[0], { each: 1, width: 1 }, false)).toHaveLength(256)
  })

  test('a group is dead where all of it are', () => {
    const [layer] = reportRoutes({ layers: [layerOf(4, [[0], [0]])] }, facts).layers
    expect(loadLine(layer, { each: 2, width: 1 }, false)).toBe('▇×')
  })
})

test('no colour unless it is wanted', () => {
  expect(drawReport(one, sheet)).not.toContain('\x1b')
  expect(drawReport(one, { ...sheet, hasColor: true })).toMatch(/\x1b\[38;5;\d+m▆▆ \x1b\[39m/)
})

test('the height of a bar goes with the load', () => {
  expect([0.01, 0.25, 0.5, 1, 2, 4, 100].map(barOf).join('')).toBe('▁▁▂▄▆▇█')
})

test('layers are called by the number in which they differ', () => {
  expect(labelsOf(['layers.0/moe', 'layers.11/moe'])).toEqual({ title: 'layers.{i}/moe', labels: ['0', '11'] })
  expect(labelsOf(['moe'])).toEqual({ title: 'layer', labels: ['moe'] })
  expect(labelsOf(['a.0/moe', 'b.0/moe']).labels).toEqual(['a.0/moe', 'b.0/moe'])
})
