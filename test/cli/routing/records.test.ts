/** Records of routes, of this program and as vLLM has them, and where two of them first part. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { encodeSafetensors } from '../../../runtime/checkpoint/encode.ts'
import { parseNpy } from '../../../training/data/npy.ts'
import { readSafetensors } from '../../support/safetensors.ts'
import { LAYER, place } from '../harness.ts'
import { randomWeights } from '../weights.ts'

const x = { shape: [6, 8], data: Float32Array.from({ length: 48 }, (_, at) => Math.sin(at * at)) }

async function there() {
  const one = place({
    'layer.smoe': LAYER,
    'w.safetensors': await randomWeights(LAYER),
    'in.safetensors': encodeSafetensors({ x }),
  })
  const run = (...args: readonly string[]) =>
    one.smoe('run', 'layer.smoe', '--weights', 'w.safetensors', '--in', 'x=in.safetensors:x', '--device', 'cpu', ...args)
  return { ...one, run }
}

test('a record as vLLM has it holds the experts of our record, and does not replay a run', async () => {
  const { folder, smoe, run } = await there()
  expect((await run('--record-routes', 'a.safetensors')).code).toBe(0)
  expect((await run('--record-routes', 'a.npy')).code).toBe(0)
  const { shape, data } = parseNpy(readFileSync(join(folder, 'a.npy')), 'a.npy')
  const own = readSafetensors(join(folder, 'a.safetensors'))['moe.selected']
  expect(shape).toEqual([6, 1, 2])
  expect(Array.from(data as Int16Array)).toEqual(Array.from(own.values, Number))
  const same = await smoe('routing', 'a.safetensors', 'a.npy')
  expect([same.code, same.out.split('\n')[0]]).toEqual([0, 'every token has the same experts in both'])
  for (const option of ['--replay-routes', '--compare-routes']) {
    const { code, err } = await run(option, 'a.npy', '--routing', 'r.json')
    expect(err).toContain("'a.npy' has the experts alone: without their weights a run is not replayed exactly")
    expect(code).toBe(2)
  }
})

test('the token and the layer in which two records part are told', async () => {
  const { smoe, run } = await there()
  await run('--record-routes', 'a.npy')
  await run('--record-routes', 'b.safetensors', '--without-expert', 'moe:1')
  const { code, out } = await smoe('routing', 'a.npy', 'b.safetensors')
  expect(code).toBe(4)
  expect(out).toMatch(
    /^they part at token \d, in moe: [\d ]+ in a\.npy, [\d ]+ in b\.safetensors\n\nlayer +other experts +other order +first\nmoe +\d of 6 +\d+ +\d\n$/,
  )
  const { first } = JSON.parse((await smoe('routing', 'a.npy', 'b.safetensors', '--format', 'json')).out) as {
    first: { a: number[]; b: number[] }
  }
  expect(first.a).toContain(1)
  expect(first.b).not.toContain(1)
  for (const args of [['a.npy'], ['a.npy', 'layer.smoe']])
    expect(await smoe('routing', ...args)).toMatchObject({
      code: 2,
      err: expect.stringContaining('is compared with another') as string,
    })
})
