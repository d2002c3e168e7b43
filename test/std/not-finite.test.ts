/**
 * A NaN or an infinity in a weight of a router is in the answer of every software adapter where the reference has it: none is
 * hidden.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { evaluate, type Feeds } from '../../compiler/reference/evaluate.ts'
import type { HostTensor } from '../../compiler/reference/tensor.ts'
import type { Device } from '../../runtime/device.ts'
import { NotFiniteError } from '../../runtime/errors.ts'
import { open, softwareDevices } from '../support/devices.ts'
import { relativeError } from '../support/compare.ts'
import { planOf } from '../support/graph.ts'
import { runPlan } from '../support/graph-on-device.ts'
import { casesOn, ON_DEVICES } from '../support/runs.ts'
import { feedsOf } from '../support/random.ts'
import { graphOf } from './layer.ts'
import { layers } from './policies.ts'

const FAULTS = { NaN: NaN, '+infinity': Infinity, '-infinity': -Infinity } as const
const PLACES = { first: () => 0, middle: (length: number) => length >> 1, last: (length: number) => length - 1 } as const

const policyOf = (route: string): string => route.slice(0, route.indexOf('('))
const isOfRouter = (name: string): boolean => name.includes('router')

function planted(feeds: Feeds, name: string, place: keyof typeof PLACES, value: number): Feeds {
  const weight: HostTensor = feeds.weights[name]
  const at = PLACES[place](weight.values.length)
  return { ...feeds, weights: { ...feeds.weights, [name]: { ...weight, values: weight.values.with(at, value) } } }
}

/** Rows of the answer that are finite on one side alone, or finite numbers far apart. */
function wrongRows(want: HostTensor, got: ArrayLike<number>): readonly string[] {
  const width = want.shape.at(-1)!
  const rowOf = (values: ArrayLike<number>, row: number): readonly number[] =>
    Array.from({ length: width }, (_, i) => values[row * width + i])
  return Array.from({ length: want.values.length / width }, (_, row) => {
    const [expected, actual] = [rowOf(want.values, row), rowOf(got, row)]
    const [isWanted, isGiven] = [expected, actual].map((values) => values.every(Number.isFinite))
    if (isWanted !== isGiven) return isGiven ? `row ${row} hides it` : `row ${row} is not finite`
    return isWanted && relativeError(actual, expected) > 1e-3 ? `row ${row} is other numbers` : ''
  }).filter((text) => text !== '')
}

/**
 * Loading weights may end with an error that names a held value made of them; an output, only where the reference's is not
 * finite.
 */
function refusedWrongly(error: unknown, want: Readonly<Record<string, HostTensor>>): readonly string[] {
  if (!(error instanceof NotFiniteError)) throw error
  const isRight = !Object.hasOwn(want, error.output) || !want[error.output].values.every(Number.isFinite)
  return isRight ? [] : [error.message]
}

const scenes = layers.filter(({ route }, at) => layers.findIndex((other) => policyOf(other.route) === policyOf(route)) === at)

describe.each(await softwareDevices())('on %s', ON_DEVICES, (adapter) => {
  let device: Device
  beforeAll(async () => void (device = await open(adapter)))
  afterAll(() => device.dispose())

  test.each(casesOn(adapter, scenes))(
    '$route shows it',
    async (layer) => {
      const graph = graphOf(layer)
      const plan = planOf(graph, device.target)
      const wrong: string[] = []
      for (const S of [3, 70]) {
        const feeds = feedsOf(graph, { B: 1, S }, { seed: 11, vocabulary: 40 })
        for (const name of Object.keys(feeds.weights).filter(isOfRouter)) {
          for (const [fault, value] of Object.entries(FAULTS)) {
            for (const place of Object.keys(PLACES) as (keyof typeof PLACES)[]) {
              const bad = planted(feeds, name, place, value)
              const want = evaluate(graph, bad)
              const rows = await runPlan(device, plan, bad).then(
                ({ y }) => wrongRows(want.y, y.data),
                (error: unknown) => refusedWrongly(error, want),
              )
              if (rows.length > 0) wrong.push(`${fault} at the ${place} of ${name}, ${S} tokens: ${rows[0]}`)
            }
          }
        }
      }
      expect(wrong).toEqual([])
    },
    240_000,
  )
})
