import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { encodeSafetensors } from '../../runtime/checkpoint/encode.ts'
import { openTokenizer } from '../../text/tokenizer/open.ts'
import { root } from '../support/sources.ts'
import { place } from './harness.ts'

const fixture = (name: string): Buffer => readFileSync(join(root, 'test/fixtures', name))
const TINY = fixture('tokenizers/tiny.json')
const TEXT = 'The router sends each token to a few experts.\n'

const files = {
  'model/config.json': fixture('checkpoints/mixtral/config.json'),
  'model/model.safetensors': fixture('checkpoints/mixtral/model.safetensors'),
  'text.txt': TEXT,
}

test('a text becomes the ids of the tokenizer beside the weights', async () => {
  const tokenizer = await openTokenizer(TINY)
  const ids = await tokenizer.encode(TEXT)
  await tokenizer.close()
  const one = place({
    ...files,
    'model/tokenizer.json': TINY,
    'ids.safetensors': encodeSafetensors({ tokens: { shape: [1, ids.length], data: ids } }),
  })
  expect((await one.smoe('import', 'model', '-o', 'm.smoe')).code).toBe(0)
  const run = (...args: readonly string[]) => one.smoe('run', 'm.smoe', '--device', 'cpu', ...args)
  // beside a file as well as in a folder
  expect(await run('--weights', 'model/model.safetensors', '--in', 'tokens=text.txt', '--out', 'a.safetensors')).toMatchObject({
    code: 0,
    err: expect.stringContaining(`wrote logits[1, ${ids.length}, 64] to a.safetensors`) as string,
  })
  const compared = await run('--weights', 'model', '--in', 'tokens=ids.safetensors', '--compare', 'a.safetensors')
  expect(compared).toMatchObject({ code: 0, out: expect.stringMatching(/logits +0.00e\+0 +0.00e\+0/) as string })
})

test('a tokenizer that is refused ends the run with its name and the reason', async () => {
  const one = place({ ...files, 'model/tokenizer.json': '{"model": {"type": "WordLevel"}}' })
  await one.smoe('import', 'model', '-o', 'm.smoe')
  const ran = await one.smoe('run', 'm.smoe', '--device', 'cpu', '--weights', 'model', '--in', 'tokens=text.txt')
  expect(ran).toMatchObject({
    code: 5,
    err: expect.stringContaining("model/tokenizer.json: 'model' is of the type 'WordLevel', which is not supported") as string,
  })
})
