import { basename } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compile } from '../../compiler/compile.ts'
import { openCheckpoint as openTensors } from '../../runtime/checkpoint/files.ts'
import type { Device } from '../../runtime/device.ts'
import { createSession, type Session } from '../../runtime/session.ts'
import { checkpointFolders, openCheckpoint, type Checkpoint } from '../support/checkpoints.ts'
import { framed } from '../support/check.ts'
import { argmaxRows, relativeError } from '../support/compare.ts'
import { open, softwareDevices } from '../support/devices.ts'
import { ON_DEVICES } from '../support/runs.ts'
import { load } from '../support/sources.ts'

async function sessionOf(device: Device, { spec }: Checkpoint, folder: string): Promise<Session> {
  const { plan, diagnostics } = compile(spec, { load, target: device.target })
  if (plan === null) throw new Error(framed(diagnostics))
  const session = await createSession(device, plan)
  const tensors = await openTensors(folder)
  try {
    await session.loadWeights(tensors)
  } finally {
    await tensors.close()
  }
  return session
}

/** Adapters compile each kernel they see for the first time. */
const timeout = 240_000

describe.each(await softwareDevices())('on %s', ON_DEVICES, (name) => {
  let device: Device
  beforeAll(async () => void (device = await open(name)))
  afterAll(() => device.dispose())

  test.each(checkpointFolders.map((folder) => [basename(folder), folder]))(
    '%s has the logits of the reference implementation, twice the same',
    async (_, folder) => {
      const checkpoint = openCheckpoint(folder)
      const { input_ids: ids, logits: expected } = checkpoint.reference
      const session = await sessionOf(device, checkpoint, folder)
      const inputs = { tokens: { shape: ids.shape, data: Int32Array.from(ids.values) } }
      const { logits: first } = await session.run(inputs)
      const { logits: second } = await session.run(inputs)
      session.dispose()
      expect(first.shape).toEqual(expected.shape)
      expect(relativeError(first.data, expected.values)).toBeLessThanOrEqual(2e-5)
      const width = expected.shape[2]
      expect(argmaxRows(first.data, width)).toEqual(argmaxRows(expected.values, width))
      expect(new Uint8Array(second.data.buffer)).toEqual(new Uint8Array(first.data.buffer))
    },
    timeout,
  )
})
