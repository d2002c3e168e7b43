/**
 * Products of computed, transposed, sliced, reshaped, broadcast and gathered operands are the reference's, whatever kernel
 * multiplies them.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PORTABLE, type Target } from '../../../plan/target.ts'
import type { Variant } from '../../../compiler/kernel/scope/context.ts'
import { evaluate } from '../../../compiler/reference/evaluate.ts'
import { openAdapters, openSoftware } from '../../support/devices.ts'
import { inRun, MORE_IN_LONG, ON_DEVICES } from '../../support/runs.ts'
import type { Device } from '../../../runtime/device.ts'
import { both } from '../../support/graph-on-host.ts'
import { planOf, runPlan } from '../../support/graph-on-device.ts'
import { productSamples } from '../../support/random-products.ts'
import { assertProperty, fuzzTimeout } from '../../support/property.ts'

const CPU: Target = { ...PORTABLE, name: 'cpu', kind: 'cpu', subgroupSize: 4, features: ['subgroups'] }
const VARIANTS = ['decode', 'prefill'] as const

function same(name: string, got: ArrayLike<number>, want: ArrayLike<number>): void {
  expect(got.length, name).toBe(want.length)
  for (let i = 0; i < want.length; i++) if (got[i] !== want[i]) throw new Error(`${name}[${i}] is ${got[i]}, not ${want[i]}`)
}

describe('kernels on the host', () => {
  it.each(VARIANTS.flatMap((variant) => [PORTABLE, CPU].map((target) => ({ variant, target }))))(
    '$variant tokens, for a $target.kind',
    { ...MORE_IN_LONG, timeout: fuzzTimeout(60_000) },
    ({ variant, target }) => {
      assertProperty(
        fc.property(productSamples(1), ({ graph, feeds }) =>
          both(graph, feeds, target, variant).forEach(({ name, got, want }) => same(name, got, want)),
        ),
        inRun({ short: 75, long: 300, whole: 300 }),
      )
    },
  )
})

describe('kernels on every software device', ON_DEVICES, () => {
  let devices: readonly Device[] = []
  let adapters: readonly Device[] = []
  beforeAll(async () => {
    devices = await openSoftware()
    adapters = await openAdapters()
    expect(devices.length).toBeGreaterThan(0)
  })
  afterAll(() => [...devices, ...adapters].forEach((device) => device.dispose()))

  const agrees = (
    runs: number,
    on: () => readonly Device[],
    targetOf: (device: Device) => Target,
    variant: Variant,
  ): Promise<void> =>
    assertProperty(
      fc.asyncProperty(productSamples(4), async ({ graph, feeds }) => {
        const want = evaluate(graph, feeds)
        for (const device of on()) {
          const got = await runPlan(device, planOf(graph, targetOf(device), variant), feeds)
          for (const [name, { values }] of Object.entries(want)) same(`${name} on ${device.choice.name}`, got[name].data, values)
        }
      }),

      // pipelines are compiled anew for every smaller graph: the seed replays it
      runs,
      { endOnFailure: true },
    )

  it.each(VARIANTS)(
    '%s tokens',
    async (variant) =>
      agrees(
        5,
        () => devices,
        ({ target }) => target,
        variant,
      ),
    fuzzTimeout(240_000),
  )
  it.each(VARIANTS)(
    '%s tokens, by the templates of a GPU',
    async (variant) =>
      agrees(
        2,
        () => adapters,
        () => PORTABLE,
        variant,
      ),
    fuzzTimeout(240_000),
  )
})
