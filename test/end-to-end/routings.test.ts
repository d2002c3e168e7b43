/**
 * Random routings on the cpu device; in the long run ten thousand, and on software adapters: each row of each answer as plain
 * loops have it, to the last bit, and the same bytes when run again after others. Numbers are whole and small, so that every
 * order of summing gives the same.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Device } from '../../runtime/device.ts'
import { open, softwareDevices } from '../support/devices.ts'
import { wantedOf, wrongIn, type Given, type Wanted } from '../support/routed/check.ts'
import { openLayer, type LayerOnDevice, type Way } from '../support/routed/device.ts'
import { weightsOf, type Layer, type Rules, type Weights } from '../support/routed/layer.ts'
import { KINDS, overflowing, type Kind, type Problem } from '../support/routed/tokens.ts'
import { ON_DEVICES, testRun } from '../support/runs.ts'
import { assertProperty, fuzzTimeout } from '../support/property.ts'

interface Scene {
  readonly layer: Layer
  readonly way: Way
  /** Numbers of tokens, from and to. */
  readonly T: readonly [number, number]
  /** Whether decisions are read back too. */
  readonly routes: boolean
  /** How much of the whole it is. */
  readonly batches: number
}

type Sizes = readonly [E: number, k: number, features: number, F: number]

const scene = ([E, k, features, F]: Sizes, way: Way, T: Scene['T'], rules: Rules = {}, routes = true, batches = 23): Scene => ({
  layer: { E, k, features, F, rules },
  way,
  T,
  routes,
  batches,
})

const capacity = (factor: string, overflow: 'drop' | 'next' | 'shared'): Rules => ({
  limit: { kind: 'capacity', factor, overflow },
})
const atMost = (tokens: number): Rules => ({ limit: { kind: 'at-most', tokens } })

/**
 * Rows of tokens that are and are not multiples of four; fewer and more experts than threads; blocks and tiles that are empty,
 * full and one over.
 */
const SCENES: readonly Scene[] = [
  scene([1, 1, 3, 4], 'both', [1, 40]),
  scene([2, 1, 2, 4], 'both', [1, 64]),
  scene([3, 3, 2, 7], 'both', [1, 40]),
  scene([8, 2, 4, 8], 'both', [1, 64]),
  scene([8, 2, 4, 8], 'prefill', [0, 64], {}, false),
  scene([8, 2, 4, 8], 'decode', [0, 32], {}, false, 31),
  scene([8, 1, 4, 8], 'both', [9, 150]),
  scene([16, 4, 4, 4], 'both', [1, 40]),
  scene([24, 24, 4, 4], 'both', [1, 12]),
  scene([40, 6, 4, 4], 'both', [1, 24], {}, false),
  scene([64, 8, 4, 4], 'prefill', [1, 24], {}, true, 12),
  scene([130, 2, 2, 4], 'prefill', [1, 40], {}, true, 6),
  scene([4, 1, 4, 4], 'prefill', [200, 600], {}, false, 8),
  // barriers are dear on a processor
  scene([4, 2, 4, 4], 'tall', [1, 40], {}, true, 2),
  scene([8, 2, 4, 8], 'both', [0, 64], capacity('1', 'drop')),
  scene([8, 2, 4, 8], 'prefill', [1, 64], capacity('0.777', 'drop'), false),
  scene([5, 2, 4, 3], 'tall', [1, 100], capacity('0.5', 'drop'), false),
  scene([4, 2, 4, 4], 'prefill', [1, 48], capacity('1', 'next')),
  scene([5, 1, 3, 4], 'both', [1, 40], capacity('1', 'next'), false),
  scene([6, 2, 2, 4], 'both', [1, 48], { ...capacity('0.5', 'shared'), shared: 2 }),
  scene([8, 2, 4, 8], 'both', [1, 64], atMost(5), false),
  scene([130, 2, 2, 4], 'prefill', [1, 100], atMost(3), true, 4),
  scene([12, 3, 4, 4], 'both', [1, 40], { groups: { count: 4, keep: 2 }, bias: [0, 3, -2, 5, 0, 0, -7, 1, 2, 0, 4, -1] }),
  scene([6, 2, 2, 4], 'both', [1, 24], { expertChoice: true }),
  scene(
    [6, 3, 2, 4],
    'prefill',
    [1, 40],
    { ...capacity('0.75', 'next'), above: 1, shared: 1, groups: { count: 3, keep: 2 } },
    false,
  ),
]

const BATCH = 20
/**
 * The cpu device has ten thousand in the long run, and an eighth in the short one; adapters an eighth, and all in the whole run.
 */
const runsOf = ({ batches }: Scene, device: string): number =>
  testRun === 'whole' || (testRun === 'long' && device === 'cpu') ? batches : Math.ceil(batches / 8)
const devices = [...new Set(['cpu', ...(await softwareDevices())])]

const nameOf = ({ layer: { E, k, rules }, way, T, routes }: Scene): string =>
  `${k} of ${E}, ${way}, ${T.join(' to ')} tokens${routes ? '' : ', decisions unread'}${Object.keys(rules).length === 0 ? '' : `, ${JSON.stringify(rules)}`}`

const kinds = Object.keys(KINDS) as Kind[]

/** All of as many tokens, so that they share their memory on the device. */
const batch = (T: number, seed: number): readonly Problem[] =>
  Array.from({ length: BATCH }, (_, i) => ({ T, kind: kinds[i % kinds.length], seed: seed + i }))

const bytesOf = ({ y, ids, weights }: Given): Buffer =>
  Buffer.concat(
    [y, ids, weights].flatMap((one) =>
      ArrayBuffer.isView(one) ? [Buffer.from(one.buffer, one.byteOffset, one.byteLength)] : [],
    ),
  )

class Bench {
  readonly layer: Layer
  readonly weights: Weights
  readonly on: LayerOnDevice

  constructor(layer: Layer, weights: Weights, on: LayerOnDevice) {
    this.layer = layer
    this.weights = weights
    this.on = on
  }

  fail(problem: Problem, wrong: string): never {
    throw new Error(`${JSON.stringify(problem)}: ${wrong}`)
  }

  async once(problem: Problem): Promise<{ readonly problem: Problem; readonly wanted: Wanted; readonly bytes: Buffer }> {
    const wanted = wantedOf(this.layer, this.weights, problem)
    const given = await this.on.run(wanted.tokens)
    const wrong = wrongIn(this.layer, wanted, given)
    if (wrong !== null) this.fail(problem, wrong)
    return { problem, wanted, bytes: bytesOf(given) }
  }

  /** Infinities of some tokens reach no other, now or from memory that was written before. */
  async overflow(problem: Problem): Promise<void> {
    const wanted = wantedOf(this.layer, this.weights, problem)
    const { tokens, whose } = overflowing(wanted.tokens, this.layer, problem.seed)
    const wrong = wrongIn(this.layer, wanted, await this.on.run(tokens), whose)
    if (wrong !== null) this.fail(problem, `beside tokens that overflow: ${wrong}`)
  }

  async hold(problems: readonly Problem[]): Promise<void> {
    const runs = []
    for (const [at, problem] of problems.entries()) {
      if (at % 5 === 0) await this.overflow({ ...problem, seed: problem.seed + 1000 })
      runs.push(await this.once(problem))
    }
    for (const { problem, wanted, bytes } of runs.toReversed()) {
      if (!bytesOf(await this.on.run(wanted.tokens)).equals(bytes)) this.fail(problem, 'other bytes when run again')
    }
  }
}

test('the scenes make ten thousand', () => expect(SCENES.reduce((sum, { batches }) => sum + batches * BATCH, 0)).toBe(10_000))

/** Adapters compile each kernel they see for the first time. */
const timeout = fuzzTimeout(240_000)

describe.each(devices)('on %s', ON_DEVICES, (adapter) => {
  let device: Device
  beforeAll(async () => void (device = await open(adapter)))
  afterAll(() => device.dispose())

  test.each(SCENES.map((one) => [nameOf(one), one] as const))(
    '%s',
    async (_, one) => {
      const {
        layer,
        way,
        T: [min, max],
        routes,
      } = one
      const weights = weightsOf(layer, 1)
      const on = await openLayer(device, layer, weights, { way, routes })
      const bench = new Bench(layer, weights, on)
      const law = fc.asyncProperty(fc.integer({ min, max }), fc.nat(), (T, seed) => bench.hold(batch(T, seed)))
      await assertProperty(law, runsOf(one, adapter))
      on.dispose()
    },
    timeout,
  )
})
