/**
 * A kernel of as many nodes in a row as one may have is accepted by a device.
 *
 * @module-tag devices
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { MAX_CHAIN } from '../../../compiler/kernel/fusion/chain.ts'
import { parse } from '../../../compiler/graph/parse.ts'
import { createBuilder } from '../../../compiler/ops/build.ts'
import { evaluate } from '../../../compiler/reference/evaluate.ts'
import { tensorOf } from '../../../compiler/reference/tensor.ts'
import type { Device } from '../../../runtime/device.ts'
import { openSoftware } from '../../support/devices.ts'
import { runGraph } from '../../support/graph-on-device.ts'

let devices: readonly Device[] = []
beforeAll(async () => {
  devices = await openSoftware()
  expect(devices.length).toBeGreaterThan(0)
})
afterAll(() => devices.forEach((device) => device.dispose()))

it.each(['sin', 'negate'])(`${MAX_CHAIN} of %s`, async (op) => {
  const nodes = Array.from({ length: MAX_CHAIN }, (_, at) => `%${at + 1} = ${op}(%${at}) : f32[3]`)
  const graph = parse(
    `graph "g"\n%0 = input name "x" : f32[3]\n${nodes.join('\n')}\noutput "y" = %${nodes.length}\n`,
    createBuilder().make,
  )
  const feeds = { inputs: { x: tensorOf([3], 'f32', [0.5, -1, 2]) }, weights: {} }
  const expected = [...evaluate(graph, feeds).y.values]
  for (const device of devices) {
    const { y } = await runGraph(device, graph, feeds)
    expected.forEach((want, at) =>
      expect(Math.abs(y.data[at] - want), device.target.name).toBeLessThan(1e-4 * Math.max(1, Math.abs(want))),
    )
  }
})
