/** Every architecture that can be imported, routed by the directions of its experts, or refused with the reason. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { supportedModelTypes } from '../../cli/import/table.ts'
import { place } from '../cli/harness.ts'
import { MORE_IN_LONG, testRun } from '../support/runs.ts'
import { root } from '../support/sources.ts'

/** Types whose checkpoints lie among those of all tests. */
const elsewhere: readonly string[] = ['llama', 'mixtral', 'olmoe']
const folderOf = (type: string): string =>
  join(root, 'test/fixtures', elsewhere.includes(type) ? 'checkpoints' : 'architectures', type)

const SIGMOIDS = 'deepseek_v3: scores are sigmoids'
const BIASED = 'biased_top_k: experts are selected by scores with a bias'
const NONE = 'no layer of the file is routed'

/** Why a type is refused. */
const REFUSED: Readonly<Record<string, string>> = {
  llama: NONE,
  mistral: NONE,
  qwen2: NONE,
  qwen3: NONE,
  deepseek_v2: 'group_limited_top_k: experts are selected among those of the best groups alone',
  deepseek_v3: SIGMOIDS,
  glm4_moe: SIGMOIDS,
  glm4_moe_lite: SIGMOIDS,
  dots1: SIGMOIDS,
  exaone_moe: SIGMOIDS,
  minimax_m2: BIASED,
  ernie4_5_moe: BIASED,
  lfm2_moe: BIASED,
  phimoe: 'sparse_mixer: each of the two experts is weighed by a softmax of its own',
  gemma4_text: "scaled_top_k: the router's input and the weights of experts have learned factors",
  gemma4: "scaled_top_k: the router's input and the weights of experts have learned factors",
}

/** Types whose experts have two matrices. */
const PAIRS: readonly string[] = ['nomic_bert']

/** Of each kind one in the short run, the others in the long one. */
const QUICK: readonly string[] = ['qwen2_moe', 'deepseek_v3', 'nomic_bert']
const types = supportedModelTypes.filter((type) => QUICK.includes(type) === (testRun === 'short'))

test.each(types)('%s', { ...MORE_IN_LONG, timeout: 60_000 }, async (type) => {
  const there = place()
  const policy = PAIRS.includes(type) ? 'spectral_pair' : 'spectral'
  const { code, out, err } = await there.smoe(
    ...['reroute', folderOf(type), '--policy', policy, '--alpha', '0.9', '--top-c', '4', '--device', 'cpu'],
    ...['-o', 'new.smoe', '--format', 'json'],
  )
  if (Object.hasOwn(REFUSED, type)) {
    expect(code).toBe(2)
    expect(err).toContain(REFUSED[type])
    return
  }
  expect(code, err).toBe(0)
  const { layers } = JSON.parse(out) as { readonly layers: readonly { readonly overlap: { readonly blend: number } }[] }
  expect(layers.length).toBeGreaterThan(0)
  for (const { overlap } of layers) expect(overlap.blend).toBeGreaterThan(0)
  expect(there.read('new.smoe')).toContain(`route ${policy}(k = k, alpha = 0.9, c = 4, `)
})
