import { expect, test } from 'vitest'
import type { DispatchTime } from '../../../runtime/profile.ts'
import type { TrainingEvent } from '../../../training/events.ts'
import { train } from '../../../training/loop.ts'
import { bins, curve } from '../../../training/record/bins.ts'
import type { MetricsRecord } from '../../../training/record/metrics.ts'
import { kernelTimes, reportTraining } from '../../../training/record/report.ts'
import { bigrams, fakeMachine } from '../fake-machine.ts'
import { routed } from '../recipes.ts'
import { chain } from '../texts.ts'

async function recordsOf(steps: number): Promise<readonly MetricsRecord[]> {
  const recipe = bigrams({
    steps,
    layers: [routed('a/moe', { competition: { rate: 0.5, after: 0.2, atMost: 1 } }), routed('b/moe')],
  })
  const events: TrainingEvent[] = []
  for await (const event of train({
    recipe,
    machine: fakeMachine(recipe),
    training: chain(200),
    validation: chain(60, 1),
    validateEvery: 5,
  }))
    events.push(event)
  return events.flatMap((event, at) => (event.kind === 'checkpoint' ? [] : [{ ...event, time: 1000 + at }]))
}

test('pieces are of one size, and none is too many', () => {
  expect(bins(10, 4)).toMatchObject({ steps: [3, 6, 9, 10] })
  expect(bins(3, 10).steps).toEqual([1, 2, 3])
  expect(bins(0, 10).steps).toEqual([])
  for (const [count, most] of [
    [480, 480],
    [481, 480],
    [100_000, 480],
  ]) {
    const { steps, of } = bins(count, most)
    expect(steps.length).toBeLessThanOrEqual(most)
    for (let step = 1; step <= count; step++) expect(of(step) === 0 || steps[of(step) - 1] < step).toBe(true)
    expect(steps.at(-1)).toBe(count)
  }
})

test('a curve has mean, least and most of each piece', () => {
  expect(
    curve(
      [
        [1, 1],
        [2, 3],
        [3, null],
        [4, NaN],
        [5, -2],
      ],
      bins(6, 3),
    ),
  ).toEqual({ mean: [2, null, -2], low: [1, null, -2], high: [3, null, -2] })
})

test('the report of a run', async () => {
  const records = await recordsOf(12)
  const report = reportTraining(records)
  const steps = records.filter((record) => record.kind === 'step')
  expect(report).toMatchObject({
    model: 'tiny',
    seed: 5,
    steps: 12,
    done: 12,
    state: 'done',
    resumed: 0,
    items: 16,
    unit: 'token',
    kernels: null,
  })
  expect(report.curves.steps).toEqual(steps.map(({ step }) => step))
  expect(report.curves.loss.mean).toEqual(steps.map(({ loss }) => Number(loss.toPrecision(6))))
  expect(Object.keys(report.curves.losses).sort()).toEqual(['loss.balance', 'loss.cross_entropy', 'loss.distil'])
  expect(report.curves.losses['loss.distil'].mean).toEqual(steps.map(({ losses }) => losses['loss.distil'] ?? null))
  expect(report.validations.steps).toEqual([0, 5, 10, 12])
  expect(report.routing.probes).toEqual([0, 5, 10, 12])
  expect(report.routing.layers.map(({ layer }) => layer)).toEqual(['a/moe', 'b/moe'])
  const [a, b] = report.routing.layers
  expect(a.load).toEqual(steps.map(({ routing }) => routing[0].load))
  expect(b.competitions).toBeNull()
  expect(a.competitions).toEqual(steps.filter(({ competing: chosen }) => chosen.length > 0).map(({ step }) => step))
  expect(a.changeSet[0]).toBeNull()
  expect(JSON.parse(JSON.stringify(report))).toEqual(report)
})

test('a long run is no longer than a short one, and loses no slot', async () => {
  const records = await recordsOf(1000)
  const report = reportTraining(records)
  expect(report.curves.steps.length).toBe(334)
  const [{ load, dropped }] = report.routing.layers
  expect(load.flat().reduce((sum, count) => sum + count, 0) + dropped.reduce((sum, count) => sum + count, 0)).toBe(1000 * 32)
})

test('a record that has no end yet, or goes on', async () => {
  const records = await recordsOf(6)
  expect(reportTraining(records.slice(0, 5))).toMatchObject({ state: 'running', done: 2 })
  expect(reportTraining(records.slice(0, 1))).toMatchObject({ state: 'running', done: 0, seconds: 0, epochs: 0 })
  const again = { ...records[0], done: 3 } as MetricsRecord
  expect(reportTraining([...records, again])).toMatchObject({ resumed: 1 })
})

test('kernels by their time, however often they are dispatched', () => {
  const time = (kernel: string, nanoseconds: number): DispatchTime => ({
    kernel,
    nanoseconds,
    label: `${kernel} label`,
    template: 'rows',
    workgroups: 1,
  })
  expect(kernelTimes([time('a', 1), time('b', 5), time('a', 7)])).toEqual([
    { kernel: 'a', template: 'rows', label: 'a label', dispatches: 2, nanoseconds: 8 },
    { kernel: 'b', template: 'rows', label: 'b label', dispatches: 1, nanoseconds: 5 },
  ])
})
