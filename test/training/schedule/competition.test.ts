import fc from 'fast-check'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { CompetitionStep, Recipe, RoutedLayer } from '../../../plan/recipe.ts'
import {
  competingLayers,
  drawSchedule,
  extendSchedule,
  schedule,
  type CompetitionSchedule,
} from '../../../training/schedule/competition.ts'
import { readSafetensors } from '../../support/safetensors.ts'
import { recipeOf, routed } from '../recipes.ts'
import { assertProperty } from '../../support/property.ts'

const golden = 'test/fixtures/golden'
const files = readdirSync(join(golden, 'competesmoe')).filter((name) => name.startsWith('schedule_'))

/** What a file says of how it was made. */
function metadataOf(path: string): Readonly<Record<string, string>> {
  const bytes = readFileSync(path)
  return (JSON.parse(bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE(0)))) as { __metadata__: Record<string, string> })
    .__metadata__
}

const rowsOf = (found: CompetitionSchedule, layers: readonly string[], first: number, steps: number): number[] =>
  layers.flatMap((layer) => Array.from({ length: steps }, (_, step) => (found[layer].includes(first + step) ? 1 : 0)))

describe('the published schedules come out of their recorded draws', () => {
  test('there are three', () => expect(files.length).toBe(3))
  test.each(files)('%s', (file) => {
    const path = join(golden, 'competesmoe', file)
    const { uniform_draws: draws, schedule: wanted } = readSafetensors(path)
    const { rate_flip, max_compete_in_iter, total_steps, warm_up, step_warm } = metadataOf(path)
    const [count, steps] = draws.shape
    const names = Array.from({ length: count }, (_, at) => `layers.${at}/moe`)
    const first = Math.floor(Number(warm_up) * Number(total_steps))
    expect(first).toBe(Number(step_warm))
    const layers = names.map((layer) => ({ layer, rate: Number(rate_flip), first, atMost: Number(max_compete_in_iter) }))
    const found = schedule(layers, Number(total_steps), (layer, n) => draws.values[names.indexOf(layer) * steps + n])
    expect(rowsOf(found, names, first, steps)).toEqual([...wanted.values])
  })
})

test.each([0.001, 0.01])('without a limit the draws decide alone: %d', (rate) => {
  const { uniform, [`p${rate}`]: wanted } = readSafetensors(join(golden, 'ssr/branch_schedule_f64.safetensors'))
  const steps = uniform.shape[0]
  const found = schedule([{ layer: 'moe', rate, first: 0, atMost: null }], steps, (_, n) => uniform.values[n])
  expect(rowsOf(found, ['moe'], 0, steps)).toEqual([...wanted.values])
})

const layersOf = (count: number, rate: number, atMost: number | null): Parameters<typeof schedule>[0] =>
  Array.from({ length: count }, (_, at) => ({ layer: `${at}`, rate, first: 2, atMost }))

test('a full step moves to the left, then to the right, then nowhere', () => {
  const draws: Readonly<Record<string, readonly number[]>> = {
    0: [9, 0, 9, 9],
    1: [9, 0, 9, 9],
    2: [9, 0, 9, 9],
    3: [9, 0, 0, 9],
    4: [0, 0, 0, 0],
  }
  expect(schedule(layersOf(5, 0.5, 1), 6, (layer, n) => draws[layer][n])).toEqual({ 0: [3], 1: [2], 2: [4], 3: [5], 4: [] })
})

test('never more than the limit compete, none in the warm-up, and as many as drew where there is room', () => {
  assertProperty(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 6 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.nat(),
      (count, atMost, rate, seed) => {
        const steps = 30
        const draw = (layer: string, n: number): number => ((seed + 1) * (Number(layer) + 3) * (n + 7) * 0.61803398875) % 1
        const found = schedule(layersOf(count, rate, atMost), steps, draw)
        const drawn = (layer: number): number =>
          Array.from({ length: steps - 2 }, (_, n) => draw(`${layer}`, n)).filter((value) => value < rate).length
        for (let step = 0; step < steps; step++) {
          const chosen = competingLayers(found)(step)
          expect(chosen.length).toBeLessThanOrEqual(step < 2 ? 0 : atMost)
          expect(new Set(chosen).size).toBe(chosen.length)
        }
        if (atMost >= count) for (let layer = 0; layer < count; layer++) expect(found[layer].length).toBe(drawn(layer))
      },
    ),
  )
})

/** The rule step by step, as it reads. */
function searched(
  layers: Parameters<typeof schedule>[0],
  steps: number,
  draw: (layer: string, n: number) => number,
): CompetitionSchedule {
  const counts = new Array<number>(steps).fill(0)
  return Object.fromEntries(
    layers.map(({ layer, rate, first, atMost }) => {
      const chosen = new Set<number>()
      const isFull = (step: number): boolean => atMost !== null && counts[step] >= atMost
      for (let step = first; step < steps; step++) {
        if (draw(layer, step - first) >= (rate as number)) continue
        const ways = [
          ...Array.from({ length: step - first }, (_, n) => step - 1 - n),
          ...Array.from({ length: steps - step - 1 }, (_, n) => step + 1 + n),
        ]
        const at = isFull(step) ? ways.find((other) => !isFull(other) && !chosen.has(other)) : step
        if (at === undefined || chosen.has(at)) continue
        chosen.add(at)
        if (atMost !== null) counts[at]++
      }
      return [layer, [...chosen].sort((a, b) => a - b)]
    }),
  )
}

test('turns move to where a search step by step finds room', () => {
  const layer = fc.record({
    rate: fc.double({ min: 0, max: 1, noNaN: true }),
    first: fc.nat(9),
    atMost: fc.constantFrom(null, 1, 2, 3),
  })
  assertProperty(
    fc.property(
      fc.array(layer, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 10, max: 60 }),
      fc.nat(),
      (found, steps, seed) => {
        const layers = found.map((one, at) => ({ ...one, layer: `${at}` }))
        const draw = (name: string, n: number): number => ((seed + 1) * (Number(name) + 3) * (n + 7) * 0.61803398875) % 1
        expect(schedule(layers, steps, draw)).toEqual(searched(layers, steps, draw))
      },
    ),
  )
})

test('more steps than anybody can draw for are refused', () => {
  const recipe = recipeOf({ steps: 2 ** 31 - 1, layers: [routed('moe', { competition: { rate: 0.3, after: 0.1, atMost: 1 } })] })
  expect(() => drawSchedule(recipe)).toThrow('2147483647 steps are too many for drawing competitions; the maximum is 16777216')
})

test("layers with and without a limit do not stand in each other's way", () => {
  const layers = [
    { layer: 'a', rate: 1, first: 0, atMost: null },
    { layer: 'b', rate: 1, first: 0, atMost: 1 },
    { layer: 'c', rate: 1, first: 0, atMost: 1 },
  ]
  expect(schedule(layers, 2, () => 0.5)).toEqual({ a: [0, 1], b: [0, 1], c: [] })
})

test('the seed and the names of the layers make the schedule, and nothing else', () => {
  const layers = ['layers.0/moe', 'layers.1/moe'].map((name) =>
    routed(name, { competition: { rate: 0.3, after: 0.1, atMost: null } }),
  )
  const recipe = recipeOf({ steps: 2000, layers: [...layers, routed('plain/moe')] })
  const found = drawSchedule(recipe)
  expect(found).toEqual(drawSchedule(recipe))
  expect(Object.keys(found)).toEqual(['layers.0/moe', 'layers.1/moe'])
  expect(drawSchedule({ ...recipe, layers: layers.slice(1) })['layers.1/moe']).toEqual(found['layers.1/moe'])
  expect(drawSchedule({ ...recipe, seed: 6 })).not.toEqual(found)
  for (const { layer } of layers) {
    expect(found[layer][0]).toBeGreaterThanOrEqual(200)
    // 1800 draws of 0.3: a deviation of 19.4
    expect(Math.abs(found[layer].length - 540)).toBeLessThan(80)
  }
  expect(found['layers.0/moe']).not.toEqual(found['layers.1/moe'])
})

test('a run that is made longer keeps the competition steps that it had, and has those of the longer run from there on', () => {
  const short = recipeOf({ steps: 100, layers: [routed('a', { competition: { rate: 0.3, after: 0.1, atMost: null } })] })
  const long = { ...short, steps: 400 }
  const [before, whole] = [drawSchedule(short).a, drawSchedule(long).a]
  const { a: found } = extendSchedule({ a: before }, long, 60)
  expect(found.filter((step) => step < 60)).toEqual(before.filter((step) => step < 60))
  expect(found.filter((step) => step >= 60)).toEqual(whole.filter((step) => step >= 60))
  expect(found.filter((step) => step >= 100).length).toBeGreaterThan(50)
})

describe('rates that change over the run', () => {
  const scheduleOf = (competition: Partial<CompetitionStep>, more: Partial<Recipe> = {}): readonly number[] =>
    drawSchedule(
      recipeOf({
        steps: 4000,
        layers: [routed('moe', { competition: { rate: 0.3, after: 0, atMost: null, ...competition } })],
        ...more,
      }),
    ).moe

  test('a formula that is the same in every step draws what its number draws', () => {
    expect(scheduleOf({ rate: ['+', 0.1, 0.2] })).toEqual(scheduleOf({ rate: 0.1 + 0.2 }))
  })
  test('a rate that falls to 0 is drawn ever less, from the same numbers', () => {
    const found = scheduleOf({ rate: ['*', 0.3, ['-', 1, 'progress']] })
    const constant = new Set(scheduleOf({}))
    expect(found.every((step) => constant.has(step))).toBe(true)
    const quarters = [0, 1, 2, 3].map((quarter) => found.filter((step) => Math.floor(step / 1000) === quarter).length)
    for (const [at, count] of quarters.entries()) expect(count).toBeCloseTo(300 * (0.875 - 0.25 * at), -2)
    expect(quarters).toEqual([...quarters].sort((a, b) => b - a))
  })
  test('a choice by the step', () => {
    expect(scheduleOf({ rate: ['if', ['<', 'step', 10], 1, 0] })).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })
  test('a rate outside 0..1 is refused with its step', () => {
    expect(() => scheduleOf({ rate: ['-', 'progress', 0.5] })).toThrow(
      'the competition rate of moe, progress - 0.5, is -0.5 in step 1 of 4000; it must be in 0..1',
    )
    expect(() => scheduleOf({ rate: ['/', 'step', 100] })).toThrow('is 1.01 in step 102 of 4000')
    expect(scheduleOf({ rate: ['-', 'progress', 0.5], after: 0.75 }).length).toBeGreaterThan(0)
  })
})

describe('all layers together', () => {
  const together = (name: string, more: Partial<CompetitionStep> = {}): RoutedLayer =>
    routed(name, { competition: { rate: 0.3, after: 0, atMost: null, together: true, ...more } })

  test('every layer competes in the same steps', () => {
    const found = drawSchedule(recipeOf({ steps: 500, layers: [together('a'), together('b'), together('c')] }))
    expect(found.a.length).toBeGreaterThan(100)
    expect([found.b, found.c]).toEqual([found.a, found.a])
  })
  test('a smaller rate and a later beginning leave some of these steps out', () => {
    const found = drawSchedule(
      recipeOf({ steps: 500, layers: [together('a'), together('b', { rate: 0.1 }), together('c', { after: 0.5 })] }),
    )
    expect(found.b.every((step) => found.a.includes(step))).toBe(true)
    expect(found.c).toEqual(found.a.filter((step) => step >= 250))
  })
  test('layers that draw for themselves draw what they drew', () => {
    const alone = routed('alone', { competition: { rate: 0.3, after: 0, atMost: null } })
    const [plain, mixed] = [[alone], [together('a'), alone]].map((layers) => drawSchedule(recipeOf({ steps: 500, layers })).alone)
    expect(mixed).toEqual(plain)
  })
})

test('further competitions of a layer draw independently, and have limits of their own', () => {
  const always = { rate: 1, after: 0, atMost: 1 }
  const layers = ['a', 'b'].map((name) => routed(name, { competition: always, further: [{ rate: 0.5, after: 0, atMost: 1 }] }))
  const found = drawSchedule(recipeOf({ steps: 100, layers }))
  expect(Object.keys(found)).toEqual(['a', 'a#2', 'b', 'b#2'])
  expect([found.a.length, found.b.length]).toEqual([100, 0])
  expect(found['a#2'].length).toBeGreaterThan(30)
  expect(found['b#2'].every((step) => !found['a#2'].includes(step))).toBe(true)
  expect(competingLayers({ a: [0], 'a#2': [0, 1] })(0)).toEqual(['a', 'a#2'])
})
