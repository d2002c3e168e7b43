import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeSafetensors } from '../../../runtime/checkpoint/encode.ts'
import { openSafetensors } from '../../../runtime/checkpoint/safetensors.ts'
import { bytesSource } from '../../../runtime/checkpoint/source.ts'
import { compareReports } from '../../../runtime/routing/difference.ts'
import type { RouteRecord } from '../../../runtime/routing/record.ts'
import { reportRoutes, type RoutingReport } from '../../../runtime/routing/report.ts'
import { readRoutes, recordOf, routeTensors } from '../../../runtime/routing/tensors.ts'
import { printReport, readReport } from '../../../runtime/routing/text.ts'
import { anyLayer, layerOf } from './layers.ts'
import { assertProperty } from '../../support/property.ts'

const facts = { model: 'tiny', adapter: 'null adapter', dims: { T: 3 } }
const record: RouteRecord = {
  layers: [
    {
      ...layerOf(4, [
        [0, 1],
        [1, 2],
        [1, -1],
      ]),
      name: 'layers.0/moe',
    },
    { ...layerOf(2, [[0], [0], [1]]), name: 'layers.1/moe' },
  ],
}
const report = reportRoutes(record, facts)

const changed = (change: (copy: { layers: Record<string, unknown>[] } & Record<string, unknown>) => void): string => {
  const copy = JSON.parse(printReport(report)) as Parameters<typeof change>[0]
  change(copy)
  return JSON.stringify(copy)
}

test('a report is read as it was printed, lists on one line', () => {
  expect(printReport(report)).toContain('      "load": [1, 3, 1, 0],\n')
  expect(readReport(printReport(report), 'a.json')).toEqual(report)
})

test('so is any report', () => {
  assertProperty(
    fc.property(anyLayer, (layer) => {
      const any = reportRoutes({ layers: [layer] }, facts)
      expect(readReport(printReport(any), 'a.json')).toEqual(any)
    }),
  )
})

test('a report against another record', () => {
  const other = {
    layers: record.layers
      .toReversed()
      .map((layer) => ({ ...layer, selected: layer.selected.map((expert, at) => (at === 0 ? 3 % layer.experts : expert)) })),
  }
  const { layers, against } = reportRoutes(record, { ...facts, against: { name: 'old.safetensors', record: other } })
  expect(against).toBe('old.safetensors')
  expect(layers.map((layer) => layer.against?.changeTop1)).toEqual([1 / 3, 1 / 3])
  expect(layers[0].against).toEqual({
    changeTop1: 1 / 3,
    changeSet: expect.closeTo(1 / 6, 15),
    overlap: expect.closeTo(5 / 6, 15),
  })
  expect(() => reportRoutes(record, { ...facts, against: { name: 'old.safetensors', record: { layers: [] } } })).toThrow(
    'layers.0/moe: is not in old.safetensors, which has no layer',
  )
})

test('a report says what is required of a load, and what was replayed', () => {
  const { replayed, layers } = reportRoutes(record, { ...facts, replayed: 'r.safetensors', within: { 'layers.0/moe': 20 } })
  expect(replayed).toBe('r.safetensors')
  expect(layers[1].balance).toBeNull()
  expect(layers[0].balance).toEqual({
    within: 20,
    mean: 1.25,
    farthest: { expert: 1, load: 3, percent: 140 },
    outside: [1, 3],
    least: 60,
  })
  const told = reportRoutes(record, { ...facts, within: { 'layers.0/moe': 20 } })
  expect(readReport(printReport(told), 'a.json')).toEqual(told)
})

describe('what is no report is refused', () => {
  const wrong: readonly [string, string, RegExp][] = [
    ['no JSON', '{', /^a.json: is no JSON: /],
    ['another file', '{"version": 1}', /is not a routing report: it has no "format": "smoe routing report"/],
    ['another version', changed((copy) => void (copy.version = 1)), /of version 1, versions 2 and 3 are read/],
    ['no model', changed((copy) => void delete copy.model), /^a.json: lacks 'model'/],
    ['sizes that are none', changed((copy) => void (copy.dims = { B: -1 })), /^a.json: dims is not sizes by name/],
    ['a missing field', changed((copy) => void delete copy.layers[1].cv), /layer 1: lacks 'cv'/],
    ['a wrong type', changed((copy) => void (copy.layers[0].load = 'much')), /layer 0: load is not a list of whole numbers/],
    [
      'a wrong inner type',
      changed((copy) => void (copy.layers[0].margin = { value: 'x', from: 'weights' })),
      /layer 0: margin.value is not a number or null/,
    ],
    [
      'a wrong load',
      changed((copy) => void (copy.layers[0].load = [1, 1, 1, 0])),
      /layer 0: the load of its experts is 3, kept is 5/,
    ],
    ['lost slots', changed((copy) => void (copy.layers[0].dropped = 0)), /layer 0: 5 kept and 0 dropped are not 3 tokens x 2/],
    ['too few experts', changed((copy) => void (copy.layers[0].experts = 3)), /load has 4 entries for 3 experts/],
    ['a hidden death', changed((copy) => void (copy.layers[0].dead = [])), /dead does not list/],
    [
      'another balance',
      changed((copy) => void (copy.layers[0].balance = { within: 5, mean: 1.25, farthest: null, outside: [], least: 20 })),
      /layer 0: balance is not that of the load/,
    ],
    ['a balance that is none', changed((copy) => void (copy.layers[0].balance = { within: 5 })), /layer 0: balance lacks 'mean'/],
    ['too few pairs', changed((copy) => void (copy.layers[0].pairs = [])), /pairs has 0 entries, 4 experts have 6/],
    ['a layer that is none', changed((copy) => void (copy.layers[0] = null as never)), /layer 0: is not an object/],
  ]
  test.each(wrong)('%s', (_, json, message) => expect(() => readReport(json, 'a.json')).toThrow(message))
})

test('two reports side by side', () => {
  const moved = {
    layers: record.layers.map((layer) => ({ ...layer, selected: layer.selected.map((expert) => (expert < 0 ? -1 : 0)) })),
  }
  const [first, second] = compareReports(report, reportRoutes(moved, facts), 'b.json')
  expect(first).toMatchObject({ name: 'layers.0/moe', moved: expect.closeTo(0.8, 15), dead: 2, dropped: 0 })
  expect(second.moved).toBeCloseTo(1 / 3, 15)
  expect(second.cv).toBeCloseTo(1 - (report.layers[1].cv ?? NaN), 15)
  const fewer: RoutingReport = { ...report, layers: report.layers.slice(1) }
  expect(() => compareReports(report, fewer, 'b.json')).toThrow('b.json: has 1 routed layers, the first report has 2')
  const other: RoutingReport = { ...report, layers: report.layers.toReversed() }
  expect(() => compareReports(report, other, 'b.json')).toThrow(
    'layers.1/moe has 2 experts, layers.0/moe of the first report has 4',
  )
})

describe('records in files', () => {
  const open = async (bytes: Uint8Array) => openSafetensors(bytesSource(bytes, 'r.safetensors'))

  test('are read as they were written', async () => {
    const { tensors, metadata } = routeTensors(record)
    const read = await readRoutes(await open(encodeSafetensors(tensors, metadata)))
    expect(read).toEqual(record)
    expect(
      recordOf(
        record.layers.map(({ name, experts }) => ({
          layer: name,
          experts,
          selected: `${name}.selected`,
          weights: `${name}.weights`,
          spilled: null,
        })),
        tensors,
      ),
    ).toEqual(read)
  })

  test('with the weight that is passed on, in the type it has', async () => {
    const layers = [
      { ...record.layers[0], weights: Float32Array.from(record.layers[0].weights), spilled: Float32Array.of(0, 0.5, 0) },
      record.layers[1],
    ]
    const { tensors, metadata } = routeTensors({ layers })
    expect(Object.keys(tensors)).toContain('layers.0/moe.spilled')
    expect(await readRoutes(await open(encodeSafetensors(tensors, metadata)))).toEqual({ layers })
  })

  test('are refused where they are none', async () => {
    const { tensors, metadata } = routeTensors(record)
    await expect(async () => readRoutes(await open(encodeSafetensors(tensors)))).rejects.toThrow(
      "r.safetensors: is not a record of routes: its metadata has no list of layers in 'smoe.routes'",
    )
    await expect(async () => readRoutes(await open(encodeSafetensors(tensors, { 'smoe.routes': '{' })))).rejects.toThrow(
      'is not a record of routes',
    )
    await expect(async () => readRoutes(await open(encodeSafetensors({}, metadata)))).rejects.toThrow(
      "has no tensor 'layers.0/moe.selected'",
    )
    const more = { ...tensors, 'layers.2/moe.selected': tensors['layers.0/moe.selected'] }
    await expect(async () => readRoutes(await open(encodeSafetensors(more, metadata)))).rejects.toThrow(
      "r.safetensors: tensor 'layers.2/moe.selected' belongs to none of the layers that its metadata lists",
    )
    const whole = { ...tensors, 'layers.0/moe.weights': tensors['layers.0/moe.selected'] }
    await expect(async () => readRoutes(await open(encodeSafetensors(whole, metadata)))).rejects.toThrow(
      'layers.0/moe: weights are f32, or f64',
    )
    const real = { ...tensors, 'layers.0/moe.selected': tensors['layers.0/moe.weights'] }
    await expect(async () => readRoutes(await open(encodeSafetensors(real, metadata)))).rejects.toThrow(
      'layers.0/moe: choices are i32',
    )
    const short = { ...tensors, 'layers.0/moe.spilled': { shape: [2], data: Float32Array.of(0, 1) } }
    await expect(async () => readRoutes(await open(encodeSafetensors(short, metadata)))).rejects.toThrow(
      'weights that are passed on, [2], are not [T], T = 3',
    )
    const flat = { ...tensors, 'layers.0/moe.selected': { shape: [6], data: tensors['layers.0/moe.selected'].data } }
    await expect(async () => readRoutes(await open(encodeSafetensors(flat, metadata)))).rejects.toThrow(
      'choices [6] and weights [3, 2] are not both [T, k]',
    )
  })
})
