import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { lineOf, parseLines, recordsUpTo, type MetricsRecord } from '../../../training/record/metrics.ts'
import { reportTraining } from '../../../training/record/report.ts'
import { scalarsOf } from '../../../training/record/scalars.ts'

const step = (number: number): MetricsRecord => ({
  kind: 'step',
  step: number,
  lossScale: null,
  skipped: false,
  epoch: 0.5,
  loss: 3,
  losses: { 'loss.cross_entropy': 2, 'loss.balance': 1 },
  metrics: { 'metric.accuracy': NaN },
  learningRate: 0.1,
  gradientNorm: 2,
  competing: ['a/moe'],
  routing: [{ layer: 'a/moe', load: [3, 0], dropped: 1, cv: 1, maxVio: null, allocationEntropy: 0.5, weightEntropy: null }],
  seconds: 1,
  throughput: 100,
  eta: 5,
  time: 1000 + number,
})
const validation = (number: number): MetricsRecord => ({
  kind: 'validation',
  step: number,
  loss: 2,
  losses: { 'loss.cross_entropy': 2 },
  metrics: {},
  batches: 3,
  seconds: 1,
  time: 9,
})
const probe = (number: number): MetricsRecord => ({
  kind: 'probe',
  step: number,
  layers: [
    {
      layer: 'a/moe',
      load: [1],
      dropped: 0,
      cv: 0,
      maxVio: 0,
      allocationEntropy: null,
      weightEntropy: null,
      changeTop1: 0.25,
      changeSet: null,
    },
  ],
  time: 9,
})

test('lines come back, whole ones alone', () => {
  const records = [step(1), validation(1), step(2)]
  const text = records.map(lineOf).join('')
  expect(text.split('\n').length).toBe(4)
  const readable = JSON.parse(JSON.stringify(records)) as unknown
  expect(parseLines(text)).toEqual(readable)
  expect(parseLines(text.slice(0, -1))).toEqual((readable as unknown[]).slice(0, 2))
  expect(parseLines(text.slice(0, -40))).toEqual((readable as unknown[]).slice(0, 2))
  expect(parseLines(`${lineOf(step(1))}{"kind":"toString","time":1}\n${lineOf(step(2))}`).length).toBe(1)
  expect(parseLines(`${lineOf(step(1))}null\n`).length).toBe(1)
  expect(parseLines('')).toEqual([])
})

test('a record is cut where its run goes on', () => {
  const end: MetricsRecord = { kind: 'end', reason: 'stopped', step: 2, seconds: 1, time: 1 }
  const records = [validation(0), probe(0), step(1), step(2), validation(2), probe(2), end, step(3)]
  const kept = (at: number, looked: number): string =>
    recordsUpTo(records, at, looked)
      .map((record) => `${record.kind[0]}${record.kind === 'start' ? '' : record.step}`)
      .join(' ')
  expect(kept(2, 2)).toBe('v0 p0 s1 s2 v2 p2')
  expect(kept(2, 0)).toBe('v0 p0 s1 s2')
  expect(kept(1, 0)).toBe('v0 p0 s1')
})

test('the numbers of an event by their tags; what is none is left out', () => {
  expect(scalarsOf(step(1))).toEqual([
    { tag: 'loss/total', value: 3 },
    { tag: 'loss/cross_entropy', value: 2 },
    { tag: 'loss/balance', value: 1 },
    { tag: 'training/learning_rate', value: 0.1 },
    { tag: 'training/gradient_norm', value: 2 },
    { tag: 'training/throughput', value: 100 },
    { tag: 'training/epoch', value: 0.5 },
    { tag: 'training/competing', value: 1 },
    { tag: 'routing a/moe/cv', value: 1 },
    { tag: 'routing a/moe/allocation_entropy', value: 0.5 },
    { tag: 'routing a/moe/dead', value: 1 },
    { tag: 'routing a/moe/dropped', value: 1 },
  ])
  expect(scalarsOf(validation(2)).map(({ tag }) => tag)).toEqual(['validation loss/total', 'validation loss/cross_entropy'])
  expect(scalarsOf(probe(2))).toEqual([{ tag: 'change a/moe/top1', value: 0.25 }])
})

test('a record of an earlier version is read with the field names of this one', () => {
  const records = parseLines(readFileSync(new URL('version-1.jsonl', import.meta.url), 'utf8'))
  expect(records.map(({ kind }) => kind).join(' ')).toBe('start validation probe step step step validation probe end')
  const [start, first] = [records[0], records[3]]
  expect(start).toMatchObject({ kind: 'start', steps: 3, competitions: { moe: [0] } })
  expect(first).toMatchObject({ learningRate: 0.003, gradientNorm: 0.11035880970039778, lossScale: null, competing: ['moe'] })
  expect(first).toMatchObject({ throughput: 29.774250589928382, eta: 0.5444780680000003 })
  for (const name of ['rate', 'norm', 'scale', 'chosen', 'pace', 'left']) expect(first).not.toHaveProperty(name)
  const report = reportTraining(records)
  expect(report.curves.learningRate.mean).toEqual([0.003, 0.00165, 0.0003])
  expect(report.routing.layers[0].competitions).toEqual([1])
})
