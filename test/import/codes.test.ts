/** Checkpoints of codes with scales, as their makers publish them, beside the logits of transformers with dequantised weights. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { importModel } from '../../cli/import/import.ts'
import type { Layout } from '../../cli/import/names/source.ts'
import { readWeights } from '../../cli/run/reference.ts'
import { compileGraph } from '../../compiler/compile.ts'
import { withWeightFormats } from '../../compiler/passes/weight-formats.ts'
import { evaluate } from '../../compiler/reference/evaluate.ts'
import type { FormatName } from '../../plan/storage/formats.ts'
import { openCheckpoint } from '../../runtime/checkpoint/files.ts'
import type { Device } from '../../runtime/device.ts'
import { createSession } from '../../runtime/session.ts'
import { formatsIn } from '../../runtime/weights/formats.ts'
import { framed } from '../support/check.ts'
import { argmaxRows, relativeError } from '../support/compare.ts'
import { open } from '../support/devices.ts'
import { graphOf } from '../support/graph.ts'
import { inRun, MORE_IN_LONG } from '../support/runs.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { root } from '../support/sources.ts'

const folder = join(root, 'test/fixtures/codes')
const file = (...path: readonly string[]): string => join(folder, ...path)

type Case = readonly [name: string, layout: Layout, format: FormatName, coded: number]

const SHORT: readonly Case[] = [
  ['gpt_oss', 'hub', 'mxfp4', 6],
  ['deepseek_v3', 'hub', 'fp8_128', 19],
  ['qwen3_moe', 'hub', 'fp8_128', 14],
  ['qwen3_moe', 'fused', 'fp8_128', 14],
  ['olmoe_int4', 'hub', 'int4_32', 14],
  ['qwen3_moe_uint4', 'hub', 'uint4_128', 7],
]

/** The same as others but for the names of their tensors and the shapes of their scales. */
const LONG: readonly Case[] = [
  ['minimax_m2', 'hub', 'fp8_128', 14],
  ['mixtral_int8', 'hub', 'int8_128', 10],
  ['glm4_moe_fp8', 'hub', 'fp8_128', 17],
]

/** Where weights are decoded while they load, too; the others would do the same. */
const DECODED: readonly string[] = ['gpt_oss']

let device: Device
beforeAll(async () => void (device = await open('cpu')))
afterAll(() => device.dispose())

function specOf(name: string, layout: Layout): string {
  const result = importModel(JSON.parse(readFileSync(file(name, 'config.json'), 'utf8')), { layout })
  if (result.kind !== 'spec') throw new Error(result.message)
  return result.spec
}

describe.each(inRun({ short: SHORT, long: LONG, whole: LONG }))('%s, %s, in %s', MORE_IN_LONG, (name, layout, format, coded) => {
  const path = file(name, `${layout === 'hub' ? 'model' : 'fused'}.safetensors`)
  const reference = readSafetensors(file(name, 'reference.safetensors'))
  const { input_ids: tokens } = reference
  const logits = layout === 'hub' ? reference.logits : reference.fused_logits
  const graph = graphOf({ path: `${name}.smoe`, text: specOf(name, layout) })

  test('has the logits of transformers on the reference', async () => {
    const checkpoint = await openCheckpoint(path)
    const weights = await readWeights(graph, checkpoint)
    await checkpoint.close()
    const found = evaluate(graph, { inputs: { tokens }, weights }).logits
    expect(relativeError(found.values, logits.values)).toBeLessThanOrEqual(1e-6)
  })

  test.each(DECODED.includes(name) ? [true, false] : [true])(
    'has them on the cpu device, with codes kept: %s',
    async (isShipped) => {
      const checkpoint = await openCheckpoint(path)
      const formats = isShipped ? formatsIn(checkpoint) : {}
      const stored = withWeightFormats(graph, { kind: 'tensors', formats, isByPath: false })
      const { plan, diagnostics } = compileGraph(stored, device.target)
      if (plan === null) throw new Error(framed(diagnostics))
      expect(plan.weights.filter(({ storage }) => storage?.format === format)).toHaveLength(isShipped ? coded : 0)
      const session = await createSession(device, plan)
      await session.loadWeights(checkpoint, { checkFinite: true })
      await checkpoint.close()
      const found = await session.run({ tokens: { shape: tokens.shape, data: Int32Array.from(tokens.values) } })
      session.dispose()
      expect(relativeError(found.logits.data, logits.values)).toBeLessThanOrEqual(2e-5)
      expect(argmaxRows(found.logits.data, 40)).toEqual(argmaxRows(logits.values, 40))
    },
  )
})
