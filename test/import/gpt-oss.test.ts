/** gpt-oss as shipped: its sinks are bf16, and its attention is fused all the same. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { importModel } from '../../cli/import/import.ts'
import { compileGraph } from '../../compiler/compile.ts'
import { liveNodes } from '../../compiler/graph/walk.ts'
import { fuseAttention } from '../../compiler/passes/attention-fusion.ts'
import { withWeightFormats } from '../../compiler/passes/weight-formats.ts'
import { openCheckpoint } from '../../runtime/checkpoint/files.ts'
import { createSession } from '../../runtime/session.ts'
import { formatsIn } from '../../runtime/weights/formats.ts'
import { framed } from '../support/check.ts'
import { argmaxRows, relativeError } from '../support/compare.ts'
import { open } from '../support/devices.ts'
import { graphOf } from '../support/graph.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { root } from '../support/sources.ts'

const folder = join(root, 'test/fixtures/architectures/gpt_oss')

test('sinks in bf16 are decoded once, as they are loaded', async () => {
  const imported = importModel(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')))
  if (imported.kind !== 'spec') throw new Error(imported.message)
  const checkpoint = await openCheckpoint(join(folder, 'model.safetensors'))
  const formats = { kind: 'tensors', formats: formatsIn(checkpoint), isByPath: false } as const
  const fused = fuseAttention(withWeightFormats(graphOf({ path: 'gpt_oss.smoe', text: imported.spec }), formats))
  expect(liveNodes(fused).filter(({ op }) => op === 'attention')).toHaveLength(3)
  const device = await open('cpu')
  const { plan, diagnostics } = compileGraph(fused, device.target)
  if (plan === null) throw new Error(framed(diagnostics))
  expect(plan.held.map(({ name, shape }) => [name, shape])).toEqual(
    [0, 1, 2].map((layer) => [`layers.${layer}.attention.sink.f32`, ['4']]),
  )
  const session = await createSession(device, plan)
  await session.loadWeights(checkpoint)
  await checkpoint.close()
  const { input_ids: ids, logits } = readSafetensors(join(folder, 'reference.safetensors'))
  const found = await session.run({ tokens: { shape: ids.shape, data: Int32Array.from(ids.values) } })
  session.dispose()
  device.dispose()
  expect(relativeError(found.logits.data, logits.values)).toBeLessThanOrEqual(2e-5)
  expect(argmaxRows(found.logits.data, 40)).toEqual(argmaxRows(logits.values, 40))
})
