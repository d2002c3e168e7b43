/** Routers that begin as those of SSMoE, beside what `smoe reroute` writes of the same checkpoint. */
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { withNormsOf } from '../../../cli/training/start.ts'
import { encodeSafetensors } from '../../../runtime/checkpoint/encode.ts'
import { relativeError } from '../../support/compare.ts'
import { readSafetensors } from '../../support/safetensors.ts'
import { root } from '../../support/sources.ts'
import { place, type Place } from '../harness.ts'

const IDS = Int32Array.from({ length: 100 }, (_, at) => (at * at) % 64)
const ARGS = ['--learn', 'router', '--start', 'spectral', '--data', 'tokens.safetensors', '--split', '0', '--validate-every', '0']
/** Smaller than half a unit in the last place of any row. */
const STILL = ['--rate', '1e-30', '--batch', '1', '--context', '8', '--steps', '1', '--device', 'cpu', '--threads', '1']

function there(): Place {
  const one = place({ 'tokens.safetensors': encodeSafetensors({ tokens: { shape: [IDS.length], data: IDS } }) })
  for (const name of ['mixtral', 'llama'])
    cpSync(join(root, 'test/fixtures/checkpoints', name), join(one.folder, name), { recursive: true })
  return one
}

test('the direction of a row is that of W_EV, and its norm that of the row before', async () => {
  const one = there()
  const { smoe, folder } = one
  const rerouted = await smoe('reroute', 'mixtral', '--top-c', '50', '-o', 'new.smoe', '--device', 'cpu', '--threads', '1')
  expect(rerouted.code, rerouted.err).toBe(0)
  const trained = await smoe('train', 'mixtral', ...ARGS, ...STILL, '--out', 'run')
  expect(trained.code, trained.err).toBe(0)
  const held = readSafetensors(join(folder, 'new.held.safetensors'))
  const given = readSafetensors(join(folder, 'mixtral/model.safetensors'))
  const run = readSafetensors(join(folder, 'run/checkpoints/step-00000001.safetensors'))
  for (const layer of [0, 1]) {
    const old = given[`model.layers.${layer}.block_sparse_moe.gate.weight`]
    const expected = withNormsOf(held[`layers.${layer}.moe.router.ev`].values, old.values, old.shape[1])
    expect(relativeError(run[`layers.${layer}.moe.router.gate`].values, expected)).toBeLessThan(1e-6)
    expect(relativeError(expected, old.values)).toBeGreaterThan(0.1)
  }
})

test('rows take norms of others, and a row without a direction stays 0', () => {
  expect(withNormsOf([3, 4, 0, 0], [0, 10, 1, 1], 2)).toEqual(Float32Array.of(6, 8, 0, 0))
})

test('a spec without weights is refused', async () => {
  const one = there()
  const imported = await one.smoe('import', 'mixtral', '-o', 'bare.smoe')
  expect(imported.code).toBe(0)
  const { code, err } = await one.smoe('train', 'bare.smoe', ...ARGS, ...STILL, '--out', 'run')
  expect([code, err]).toEqual([2, expect.stringContaining('--start spectral needs the weights of experts')])
})
