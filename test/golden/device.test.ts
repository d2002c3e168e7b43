import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compile } from '../../compiler/compile.ts'
import { openCheckpoint } from '../../runtime/checkpoint/files.ts'
import type { Device } from '../../runtime/device.ts'
import { createSession } from '../../runtime/session.ts'
import { framed } from '../support/check.ts'
import { open, softwareDevices, storedAll } from '../support/devices.ts'
import { load } from '../support/sources.ts'
import { cases } from './cases.ts'
import { sourceOf } from './layers.ts'
import { pathOf, precisionsOf, problemsOf, vectorsOf } from './vectors.ts'

/** Adapters compile each kernel they see for the first time. */
const timeout = 240_000

describe.each(await softwareDevices())('on %s', (adapter) => {
  let device: Device
  beforeAll(async () => void (device = await open(adapter)))
  afterAll(() => device.dispose())

  test.each(cases)('$name: $files', async ({ name, layer, files, expected }) => {
    const { plan, diagnostics } = compile(sourceOf(name, layer), { load, target: device.target, routes: true })
    expect(framed(diagnostics)).toBe('')
    const session = await createSession(device, plan!)
    for (const [file, precision] of files.flatMap((file) => precisionsOf(file).map((precision) => [file, precision] as const))) {
      const vectors = vectorsOf(file, precision)
      const checkpoint = await openCheckpoint(pathOf(file, precision))
      await session.loadWeights(checkpoint, { allowExtra: true })
      await checkpoint.close()
      const outputs = await session.run(storedAll({ x: vectors.x }))
      const read = Object.fromEntries(Object.entries(outputs).map(([output, { data }]) => [output, { values: data }]))
      expect(problemsOf(read, vectors, expected), `${file} in ${precision}`).toEqual([])
    }
    session.dispose()
  }, timeout)
})
