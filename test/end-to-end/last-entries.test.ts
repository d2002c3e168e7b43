/** Logits of the last position alone, which `last` of `compile` asks for, beside those of all positions. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { compile } from '../../compiler/compile.ts'
import type { LastEntries } from '../../compiler/passes/last-entries.ts'
import { ArgumentError } from '../../plan/arguments.ts'
import { CPU } from '../../plan/target.ts'
import { openCheckpoint as openTensors } from '../../runtime/checkpoint/files.ts'
import type { Device } from '../../runtime/device.ts'
import { createSession, type Session } from '../../runtime/session.ts'
import { openCheckpoint } from '../support/checkpoints.ts'
import { framed } from '../support/check.ts'
import { relativeError } from '../support/compare.ts'
import { open, softwareDevices } from '../support/devices.ts'
import { ON_DEVICES } from '../support/runs.ts'
import { load, root } from '../support/sources.ts'

const folder = join(root, 'test/fixtures/checkpoints/mixtral-window')
const { spec, reference } = openCheckpoint(folder)
const { input_ids: ids } = reference

async function logitsOf(device: Device, last?: LastEntries): Promise<Awaited<ReturnType<Session['run']>>[string]> {
  const { plan, diagnostics } = compile(spec, { load, target: device.target, last })
  if (plan === null) throw new Error(framed(diagnostics))
  const session = await createSession(device, plan)
  const tensors = await openTensors(folder)
  try {
    await session.loadWeights(tensors)
    return (await session.run({ tokens: { shape: ids.shape, data: Int32Array.from(ids.values) } })).logits
  } finally {
    session.dispose()
    await tensors.close()
  }
}

test.each(await softwareDevices())(
  'on %s, the logits of the last position are those of a run of all',
  { ...ON_DEVICES, timeout: 240_000 },
  async (name) => {
    const device = await open(name)
    try {
      const [whole, last] = [await logitsOf(device), await logitsOf(device, { logits: 1 })]
      const [batch, positions, width] = whole.shape
      expect(last.shape).toEqual([batch, 1, width])
      const rows = Array.from({ length: batch }, (_, b) => ((b + 1) * positions - 1) * width)
      const wanted = rows.flatMap((at) => [...(whole.data as Float32Array).subarray(at, at + width)])
      expect(relativeError(last.data, wanted)).toBeLessThanOrEqual(name === 'cpu' ? 0 : 2e-5)
    } finally {
      device.dispose()
    }
  },
)

test('the plan says that its output has one position', () => {
  const { plan } = compile(spec, { load, target: CPU, last: { logits: 1 } })
  expect(plan!.outputs.find(({ name }) => name === 'logits')!.shape).toEqual(['B', '1', '70'])
})

test.each<LastEntries>([{ scores: 1 }, { logits: 3 }, { logits: -1 }])('%o is refused', (last) => {
  expect(() => compile(spec, { load, target: CPU, last })).toThrow(ArgumentError)
})
