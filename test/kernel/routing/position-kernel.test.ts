/**
 * Places among the rows of an expert, on the host's kernels and on every software adapter: no row wrong, whatever the routing.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { symbol } from '../../../plan/dim.ts'
import { createBuilder, NO_ORIGIN } from '../../../compiler/ops/build.ts'
import type { Graph, Node } from '../../../compiler/graph/node.ts'
import { evaluate } from '../../../compiler/reference/evaluate.ts'
import { hostTensor } from '../../../compiler/reference/tensor.ts'
import { openSoftware } from '../../support/devices.ts'
import { ON_DEVICES } from '../../support/runs.ts'
import { createSession } from '../../../runtime/session.ts'
import type { Device } from '../../../runtime/device.ts'
import { planOf } from '../../support/graph-on-device.ts'
import { assertProperty } from '../../support/property.ts'

function graphOf(experts: number): Graph {
  const { make } = createBuilder()
  const ids = make('input', [], { name: 'ids', dtype: 'i32', shape: [symbol('N')] }, NO_ORIGIN) as Node & { op: 'input' }
  const places = make('position_in_expert', [ids], { experts }, NO_ORIGIN)
  return {
    name: 'places',
    doc: '',
    dims: [{ name: 'N', doc: '' }],
    inputs: [ids],
    outputs: [{ name: 'places', node: places, doc: '' }],
    docs: {},
  }
}

/** All to one, none to one, anything, some to none at all. */
const routing = (experts: number): fc.Arbitrary<Int32Array> =>
  fc
    .oneof(
      fc.array(fc.integer({ min: -1, max: experts - 1 }), { maxLength: 300 }),
      fc
        .tuple(fc.integer({ min: 0, max: experts - 1 }), fc.integer({ min: 0, max: 300 }))
        .map(([id, length]) => Array.from({ length }, () => id)),
    )
    .map((ids) => Int32Array.from(ids))

describe('position_in_expert', ON_DEVICES, () => {
  let devices: readonly Device[] = []
  beforeAll(async () => void (devices = await openSoftware()))
  afterAll(() => devices.forEach((device) => device.dispose()))

  it.each([1, 5, 130])('is the same as by the reference, for %i experts', async (experts) => {
    const graph = graphOf(experts)
    for (const device of devices) {
      const session = await createSession(device, planOf(graph, device.target, 'prefill'))
      await assertProperty(
        fc.asyncProperty(routing(experts), async (data) => {
          const ids = { shape: [data.length], data }
          const want = evaluate(graph, {
            inputs: { ids: hostTensor([data.length], 'i32', Float64Array.from(data)) },
            weights: {},
          }).places
          const got = (await session.run({ ids })).places
          expect([...got.data]).toEqual([...want.values])
        }),
        60,
      )
      session.dispose()
    }
  })
})
