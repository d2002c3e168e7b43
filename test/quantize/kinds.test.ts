/** What weights of architectures are to a quantiser. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { importModel } from '../../cli/import/import.ts'
import { weightRoles } from '../../cli/quantize/kinds.ts'
import { weightPorts } from '../../cli/run/reference.ts'
import { graphOf } from '../support/graph.ts'
import { root } from '../support/sources.ts'

/** `kind` for matrices, `kind -` for what is no matrix; layers by a star. */
function rolesOf(folder: string): Readonly<Record<string, string>> {
  const config: unknown = JSON.parse(readFileSync(join(root, 'test/fixtures', folder, 'config.json'), 'utf8'))
  const result = importModel(config)
  if (result.kind !== 'spec') throw new Error(result.message)
  const graph = graphOf({ path: 'spec.smoe', text: result.spec })
  const roles = weightRoles(graph, weightPorts(graph))
  return Object.fromEntries(
    [...roles].map(([name, { kind, isMatrix }]) => [name.replace(/\d+/, '*'), isMatrix ? kind : `${kind} -`]),
  )
}

test('routers keep their biases, and shared experts are no routed ones', () => {
  const roles = rolesOf('architectures/deepseek_v3')
  expect(roles).toMatchObject({
    embed: 'numbers -',
    head: 'head',
    'layers.*.attention.kv_b': 'matrices',
    'layers.*.mlp.up': 'matrices',
    'layers.*.moe.experts.up': 'experts',
    'layers.*.moe.shared.up': 'matrices',
    'layers.*.moe.router.gate': 'router',
    'layers.*.moe.router.bias': 'router -',
    'layers.*.attention_norm.weight': 'numbers -',
  })
  expect(rolesOf('architectures/qwen2_moe')['layers.*.moe.shared.whole']).toBe('router')
})

test('biases of experts and kernels of convolutions are numbers, and experts of attention are experts', () => {
  expect(rolesOf('architectures/gpt_oss')['layers.*.moe.experts.up_bias']).toBe('numbers -')
  expect(rolesOf('architectures/lfm2_moe')['layers.*.convolution.kernel']).toBe('numbers -')
  expect(rolesOf('architectures/jetmoe')).toMatchObject({
    'layers.*.attention.query': 'experts',
    'layers.*.attention.gate': 'router',
    'layers.*.attention.key': 'matrices',
  })
})

test('a head that is the embedding is a table', () => {
  expect(rolesOf('checkpoints/llama-tied')).toMatchObject({ embed: 'numbers -', 'layers.*.mlp.up': 'matrices' })
})
