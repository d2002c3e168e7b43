/**
 * The tiny checkpoints of every architecture on software adapters, beside the logits of transformers; on the cpu in `npm test`.
 *
 * @module-tag long
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { importModel } from '../../cli/import/import.ts'
import { supportedModelTypes } from '../../cli/import/table.ts'
import { openCheckpoint } from '../../runtime/checkpoint/files.ts'
import type { Device } from '../../runtime/device.ts'
import { createSession } from '../../runtime/session.ts'
import { argmaxRows, relativeError } from '../support/compare.ts'
import { openSoftware } from '../support/devices.ts'
import { graphOf, planOf } from '../support/graph.ts'
import { testRun } from '../support/runs.ts'
import { readSafetensors } from '../support/safetensors.ts'
import { root } from '../support/sources.ts'

/** Types whose checkpoints lie elsewhere: their adapters are those of `test/end-to-end`. */
const elsewhere: readonly string[] = ['llama', 'mixtral', 'olmoe']
const types = supportedModelTypes.filter((type) => !elsewhere.includes(type))

let adapters: readonly Device[] = []
beforeAll(async () => void (adapters = await openSoftware()), 60_000)
afterAll(() => adapters.forEach((adapter) => adapter.dispose()))

/** Each type on one adapter, in turn, since adapters compile each kernel for long; on all of them before a release. */
const adaptersOf = (at: number): readonly Device[] => (testRun === 'whole' ? adapters : [adapters[at % adapters.length]])

test.each(types.map((type, at) => [type, at] as const))(
  '%s has the logits of transformers',
  { timeout: 120_000 },
  async (type, at) => {
    const folder = join(root, 'test/fixtures/architectures', type)
    const imported = importModel(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')))
    if (imported.kind !== 'spec') throw new Error(imported.message)
    const graph = graphOf({ path: `${type}.smoe`, text: imported.spec })
    const { input_ids: ids, ...reference } = readSafetensors(join(folder, 'reference.safetensors'))
    const [name] = ['logits', 'hidden'].filter((one) => Object.hasOwn(reference, one))
    const wanted = reference[name]
    for (const adapter of adaptersOf(at)) {
      const session = await createSession(adapter, planOf(graph, adapter.target))
      const tensors = await openCheckpoint(join(folder, 'model.safetensors'))
      await session.loadWeights(tensors)
      await tensors.close()
      const found = (await session.run({ tokens: { shape: ids.shape, data: Int32Array.from(ids.values) } }))[name].data
      session.dispose()
      expect(relativeError(found, wanted.values), adapter.target.name).toBeLessThanOrEqual(2e-5)
      expect(argmaxRows(found, wanted.shape[2])).toEqual(argmaxRows(wanted.values, wanted.shape[2]))
    }
  },
)
